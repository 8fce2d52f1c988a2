//! The migrations: equal on both engines, every constraint named, the tenant first (money rules 5 and 9).

use std::collections::{HashMap, HashSet};

use windlass_store::{Constraint, POSTGRES_SCHEMA, SQLITE_SCHEMA, constraints};

/// The schema's statements without comments, triggers and the engine's words.
fn normalised(schema: &str) -> Vec<String> {
    let text: Vec<&str> = schema.lines().filter(|line| !line.starts_with("--")).collect();
    let text = text.join("\n").replace("TEXT COLLATE \"C\"", "TEXT").replace("BYTEA", "BLOB");
    let statements = text.split(";\n").map(|statement| statement.trim().to_owned());
    statements.filter(|one| one.starts_with("CREATE TABLE") || one.contains("INDEX")).collect()
}

#[test]
fn rule_5_both_engines_have_one_schema() {
    let (sqlite, postgres) = (normalised(SQLITE_SCHEMA), normalised(POSTGRES_SCHEMA));
    assert_eq!(sqlite.len(), postgres.len());
    for (one, other) in sqlite.iter().zip(&postgres) {
        assert_eq!(one, other);
    }
    assert_eq!(constraints(SQLITE_SCHEMA), constraints(POSTGRES_SCHEMA));
    let triggers = |schema: &str| {
        schema.lines().filter_map(|line| line.strip_prefix("CREATE TRIGGER ")?.split(' ').next()).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(triggers(SQLITE_SCHEMA).len(), 4);
    assert_eq!(triggers(SQLITE_SCHEMA), triggers(POSTGRES_SCHEMA));
}

#[test]
fn columns_are_integers_texts_and_bytes() {
    let tables = normalised(SQLITE_SCHEMA).into_iter().filter(|statement| statement.starts_with("CREATE TABLE"));
    for table in tables {
        let columns = table.lines().skip(1).map(str::trim).take_while(|line| !line.starts_with("CONSTRAINT"));
        for column in columns {
            let kind = column.trim_end_matches(',').split(' ').nth(1).unwrap_or_default();
            assert!(["BIGINT", "TEXT", "BLOB"].contains(&kind), "{column}");
        }
        assert!(table.contains("PRIMARY KEY"), "{table}");
    }
}

#[test]
fn rule_5_every_constraint_has_a_name_of_its_own() {
    let all = constraints(SQLITE_SCHEMA);
    for word in ["PRIMARY KEY", "CHECK (", "FOREIGN KEY", "UNIQUE (", "CREATE UNIQUE INDEX", "CREATE INDEX"] {
        let kind = word.trim_end_matches(" (").trim_start_matches("CREATE ");
        let written = SQLITE_SCHEMA.matches(word).count();
        assert_eq!(all.iter().filter(|one| one.kind == kind).count(), written, "{kind}");
    }
    assert_eq!(all.iter().map(|one| &one.name).collect::<HashSet<_>>().len(), all.len());
    // What SQLite tells of a collision is table and columns: they have to tell which constraint it was.
    let mut by_columns: HashMap<(&str, &[String]), &Constraint> = HashMap::new();
    for one in all.iter().filter(|one| one.is_unique()) {
        assert!(by_columns.insert((&one.table, &one.columns), one).is_none(), "{}", one.name);
    }
}

#[test]
fn rule_9_the_tenant_leads_every_key() {
    // Of the host, or what keeps tenants apart.
    const OTHERS: [&str; 8] = [
        "tenants_pkey",
        "tokens_pkey",
        "accounts_one_tenant",
        "incoming_once",
        "failed_events_pkey",
        "cursors_pkey",
        "work_due",
        "work_leased",
    ];
    let all = constraints(SQLITE_SCHEMA);
    let keys = all.iter().filter(|one| one.is_unique() || one.kind == "INDEX");
    let others: Vec<&str> = keys.filter(|one| one.columns[0] != "tenant").map(|one| one.name.as_str()).collect();
    let expected: HashSet<&str> = OTHERS.into_iter().collect();
    assert_eq!(others.into_iter().collect::<HashSet<_>>(), expected);
    let foreign = all.iter().filter(|one| one.kind == "FOREIGN KEY");
    for one in foreign {
        assert_eq!(one.columns[0], "tenant", "{}", one.name);
    }
}
