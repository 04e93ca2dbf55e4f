"""DuckDB at its best: every type given beforehand, a primary key, all cores. duckdb_typed.py INPUT STORE, or --count STORE."""

import sys

import duckdb

COLUMNS = {
    "_key": "varchar",
    "n": "bigint",
    "price": "double",
    "stock": "bigint",
    "tags": "varchar[]",
    "address": "struct(city varchar, zip varchar)",
    "title": "varchar",
    "active": "boolean",
}

if sys.argv[1] == "--count":
    print(duckdb.connect(sys.argv[2], read_only=True).execute("select count(*) from big").fetchall()[0][0])
    sys.exit()
db = duckdb.connect(sys.argv[2])
db.execute("create table big (%s, primary key (_key))" % ", ".join(f'"{name}" {kind}' for name, kind in COLUMNS.items()))
columns = ", ".join(f"{name}: '{kind}'" for name, kind in COLUMNS.items())
db.execute(f"insert into big select * from read_json(?, format = 'newline_delimited', columns = {{{columns}}})", [sys.argv[1]])
db.close()
