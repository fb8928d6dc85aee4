-- A template may name another one as its layout, which prints it where it says {{ content }}. Layouts have versions like every template.
ALTER TABLE templates ADD COLUMN layout TEXT;
