-- Rows of shops that could not be read whole, orders that were deleted, and details that a key may not read.

-- A row stays here until it is read without a flaw, or is gone from the shop. Each run looks at those of its kind again, the longest unseen first.
CREATE TABLE shop_unreadable (
  tenant TEXT NOT NULL,
  site TEXT NOT NULL,
  resource TEXT NOT NULL, -- as the webservice names it
  id INTEGER NOT NULL,
  reason TEXT NOT NULL, -- the fields that are wrong, without their values
  since INTEGER NOT NULL,
  looked_at INTEGER NOT NULL, -- when the request that last tried it was sent
  PRIMARY KEY (tenant, site, resource, id)
) WITHOUT ROWID;

CREATE INDEX shop_unreadable_since ON shop_unreadable (tenant, site, since);
CREATE INDEX shop_unreadable_looked ON shop_unreadable (tenant, site, resource, looked_at);

-- Resources that the key may not read and that a sync goes on without.
CREATE TABLE shop_refusals (
  tenant TEXT NOT NULL,
  site TEXT NOT NULL,
  resource TEXT NOT NULL,
  reason TEXT NOT NULL,
  since INTEGER NOT NULL,
  PRIMARY KEY (tenant, site, resource)
) WITHOUT ROWID;

ALTER TABLE shop_orders ADD COLUMN deleted INTEGER; -- when it was found to be gone
ALTER TABLE shop_sites ADD COLUMN orders_compared_at INTEGER; -- when the ids of its orders were last compared with ours
ALTER TABLE shop_windows ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE shop_windows ADD COLUMN notes TEXT; -- JSON: what its job could not read, and its warnings

-- Prices of any size: millionths as their digits.
CREATE TABLE shop_purchase_lines_text (
  tenant TEXT NOT NULL,
  site TEXT NOT NULL,
  line INTEGER NOT NULL, -- of the shop's order
  purchase_order INTEGER NOT NULL,
  shop_order INTEGER NOT NULL,
  product INTEGER NOT NULL,
  combination INTEGER NOT NULL,
  quantity REAL NOT NULL,
  price TEXT NOT NULL, -- purchase price of one
  reference TEXT NOT NULL, -- the supplier's
  name TEXT NOT NULL,
  PRIMARY KEY (tenant, site, line)
) WITHOUT ROWID;
INSERT INTO shop_purchase_lines_text SELECT tenant, site, line, purchase_order, shop_order, product, combination, quantity, CAST(price AS TEXT), reference, name FROM shop_purchase_lines;
DROP TABLE shop_purchase_lines;
ALTER TABLE shop_purchase_lines_text RENAME TO shop_purchase_lines;
CREATE INDEX shop_purchase_lines_order ON shop_purchase_lines (tenant, site, purchase_order);
CREATE INDEX shop_purchase_lines_item ON shop_purchase_lines (tenant, site, product, combination);
