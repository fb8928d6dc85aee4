-- What is known of tenants' shops. Times in milliseconds since 1970, UTC. Money in millionths.

-- Where a shop's key travels: 'header' or 'address'.
ALTER TABLE sites ADD COLUMN key_in TEXT NOT NULL DEFAULT 'header';

-- 1: it came with a site, and does not count against the tenant's limit.
ALTER TABLE schedules ADD COLUMN given INTEGER NOT NULL DEFAULT 0;

-- One row a shop: how far each sync has come, and why it is held.
CREATE TABLE shop_sites (
  tenant TEXT NOT NULL,
  site TEXT NOT NULL,
  connected INTEGER NOT NULL, -- when we first heard of it
  -- The change number given last: unique for each changed row of the site, never going back, close to the clock.
  changed INTEGER NOT NULL DEFAULT 0,
  settings TEXT, -- JSON: zone, language and currency of the shop, as read at settings_at
  settings_at INTEGER,
  orders_to INTEGER, -- everything changed up to here is stored
  orders_at INTEGER, -- when a run of it last ended well
  orders_lists_at INTEGER, -- when states, currencies and carriers were read whole
  products_to INTEGER,
  products_at INTEGER,
  products_lists_at INTEGER, -- manufacturers and suppliers
  stock_rows INTEGER, -- rows of quantities that the shop listed last
  compared_at INTEGER, -- when the ids of its products were last compared with ours
  page_sizes TEXT, -- JSON: what the newest run found out
  paused_at INTEGER,
  paused_reason TEXT,
  slow_at INTEGER, -- when a call last took long
  probe_at INTEGER, -- while paused nobody calls the shop before this
  PRIMARY KEY (tenant, site)
) WITHOUT ROWID;

-- The parts of a bulk run; when none is open any more, its span counts as read.
CREATE TABLE shop_windows (
  tenant TEXT NOT NULL,
  site TEXT NOT NULL,
  run TEXT NOT NULL, -- the job that split it
  start INTEGER NOT NULL,
  until INTEGER NOT NULL,
  done INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant, site, run, start)
) WITHOUT ROWID;

CREATE TABLE shop_orders (
  tenant TEXT NOT NULL,
  site TEXT NOT NULL,
  id INTEGER NOT NULL,
  changed INTEGER NOT NULL,
  read_at INTEGER NOT NULL, -- when the request that brought it was sent
  upd INTEGER,
  vague INTEGER NOT NULL, -- upd lies in an hour that comes twice
  added INTEGER,
  reference TEXT NOT NULL,
  state INTEGER,
  customer INTEGER,
  body TEXT NOT NULL, -- JSON, with its lines
  PRIMARY KEY (tenant, site, id)
) WITHOUT ROWID;

CREATE INDEX shop_orders_changed ON shop_orders (tenant, site, changed);

CREATE TABLE shop_products (
  tenant TEXT NOT NULL,
  site TEXT NOT NULL,
  id INTEGER NOT NULL,
  changed INTEGER NOT NULL,
  read_at INTEGER NOT NULL,
  upd INTEGER,
  vague INTEGER NOT NULL,
  reference TEXT NOT NULL,
  name TEXT NOT NULL,
  active INTEGER NOT NULL,
  manufacturer INTEGER,
  supplier INTEGER,
  deleted INTEGER, -- when it was found to be gone
  body TEXT NOT NULL,
  PRIMARY KEY (tenant, site, id)
) WITHOUT ROWID;

CREATE INDEX shop_products_changed ON shop_products (tenant, site, changed);

-- combination 0 is the product itself.
CREATE TABLE shop_stock (
  tenant TEXT NOT NULL,
  site TEXT NOT NULL,
  product INTEGER NOT NULL,
  combination INTEGER NOT NULL,
  quantity INTEGER NOT NULL,
  read_at INTEGER NOT NULL,
  PRIMARY KEY (tenant, site, product, combination)
) WITHOUT ROWID;

-- Rows that others name by id: order_states, currencies, carriers, countries, customers, addresses, manufacturers, suppliers.
CREATE TABLE shop_rows (
  tenant TEXT NOT NULL,
  site TEXT NOT NULL,
  resource TEXT NOT NULL,
  id INTEGER NOT NULL,
  read_at INTEGER NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (tenant, site, resource, id)
) WITHOUT ROWID;

-- All rows of one owner together: order_payments (by reference), order_carriers, combinations, product_suppliers (by id).
CREATE TABLE shop_details (
  tenant TEXT NOT NULL,
  site TEXT NOT NULL,
  resource TEXT NOT NULL,
  owner TEXT NOT NULL,
  read_at INTEGER NOT NULL,
  body TEXT NOT NULL, -- JSON list
  PRIMARY KEY (tenant, site, resource, owner)
) WITHOUT ROWID;

-- Events that the router has not taken yet; written together with the change they tell of.
CREATE TABLE shop_events (
  tenant TEXT NOT NULL,
  site TEXT NOT NULL,
  id TEXT NOT NULL,
  type TEXT NOT NULL,
  at INTEGER NOT NULL,
  data TEXT NOT NULL,
  PRIMARY KEY (tenant, at, site, id)
) WITHOUT ROWID;

-- Sites that were removed, until all that was read from them is gone.
CREATE TABLE shop_leaving (
  tenant TEXT NOT NULL,
  site TEXT NOT NULL,
  since INTEGER NOT NULL,
  PRIMARY KEY (tenant, site)
) WITHOUT ROWID;

-- What we know of a supplier and the shop does not.
CREATE TABLE shop_supplier_settings (
  tenant TEXT NOT NULL,
  site TEXT NOT NULL,
  supplier INTEGER NOT NULL,
  email TEXT,
  automatic INTEGER NOT NULL, -- orders go out without approval
  PRIMARY KEY (tenant, site, supplier)
) WITHOUT ROWID;

CREATE TABLE shop_purchase_orders (
  tenant TEXT NOT NULL,
  site TEXT NOT NULL,
  id INTEGER NOT NULL,
  supplier INTEGER NOT NULL,
  job TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('draft', 'approved', 'cancelled')),
  currency TEXT NOT NULL,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  approved_by TEXT, -- 'operator' or a job; whoever it was mails it
  mail TEXT, -- the job that mails it
  PRIMARY KEY (tenant, site, id),
  UNIQUE (tenant, site, job, supplier)
) WITHOUT ROWID;

-- An order's line stands here once: it is ordered once.
CREATE TABLE shop_purchase_lines (
  tenant TEXT NOT NULL,
  site TEXT NOT NULL,
  line INTEGER NOT NULL, -- of the shop's order
  purchase_order INTEGER NOT NULL,
  shop_order INTEGER NOT NULL,
  product INTEGER NOT NULL,
  combination INTEGER NOT NULL,
  quantity INTEGER NOT NULL,
  price INTEGER NOT NULL, -- purchase price of one
  reference TEXT NOT NULL, -- the supplier's
  name TEXT NOT NULL,
  PRIMARY KEY (tenant, site, line)
) WITHOUT ROWID;

CREATE INDEX shop_purchase_lines_order ON shop_purchase_lines (tenant, site, purchase_order);
CREATE INDEX shop_purchase_lines_item ON shop_purchase_lines (tenant, site, product, combination);
