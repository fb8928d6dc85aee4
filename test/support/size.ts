const { env: settings } = import.meta as unknown as { env: { VITE_THOROUGH?: string } };

/** How much a test takes: `npm test` the usual size, `npm run test:all` the thorough one. Each shows the same; the larger looks at more cases. */
export const sized = (usual: number, thorough: number): number => (settings.VITE_THOROUGH === "true" ? thorough : usual);
