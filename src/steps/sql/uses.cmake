leat_use(leat_duckdb)
