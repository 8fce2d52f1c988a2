//! Constraints as the migrations name them. SQLite tells which columns collided and not which constraint it was, so the
//! name is looked up in the schema's own text.

/// A named constraint or index of a migration.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Constraint {
    /// Of which table.
    pub table: String,
    /// Its name.
    pub name: String,
    /// `PRIMARY KEY`, `UNIQUE`, `UNIQUE INDEX`, `INDEX`, `CHECK` or `FOREIGN KEY`.
    pub kind: String,
    /// Its columns, in order; for a check: its text.
    pub columns: Vec<String>,
}

impl Constraint {
    /// Does it keep rows apart?
    pub fn is_unique(&self) -> bool {
        matches!(self.kind.as_str(), "PRIMARY KEY" | "UNIQUE" | "UNIQUE INDEX")
    }
}

/// Every named constraint and index of a migration's text. It relies on how the migrations are written: one statement
/// begins a line, one constraint begins a line of its table.
pub fn constraints(migration: &str) -> Vec<Constraint> {
    let mut found = Vec::new();
    let mut table = String::new();
    for statement in migration.split(";\n") {
        let mut lines = statement.lines().map(str::trim).filter(|line| !line.starts_with("--")).peekable();
        while let Some(line) = lines.next() {
            if let Some(rest) = line.strip_prefix("CREATE TABLE ") {
                table = rest.trim_end_matches(" (").to_owned();
            } else if let Some(rest) = line.strip_prefix("CONSTRAINT ") {
                let mut text = rest.to_owned();
                while let Some(next) = lines.peek() {
                    if next.starts_with("CONSTRAINT ") || *next == ")" {
                        break;
                    }
                    text.push(' ');
                    text.push_str(next);
                    lines.next();
                }
                found.extend(table_constraint(&table, &text));
            } else if let Some((kind, rest)) = index(line) {
                let (name, rest) = rest.split_once(" ON ").unwrap_or((rest, ""));
                let (on, columns) = rest.split_once(' ').unwrap_or((rest, ""));
                found.push(Constraint { table: on.to_owned(), name: name.to_owned(), kind: kind.to_owned(), columns: columns_of(columns) });
            }
        }
    }
    found
}

fn index(line: &str) -> Option<(&'static str, &str)> {
    let unique = line.strip_prefix("CREATE UNIQUE INDEX ").map(|rest| ("UNIQUE INDEX", rest));
    unique.or_else(|| line.strip_prefix("CREATE INDEX ").map(|rest| ("INDEX", rest)))
}

fn table_constraint(table: &str, text: &str) -> Option<Constraint> {
    let (name, rest) = text.split_once(' ')?;
    let kind = ["PRIMARY KEY", "UNIQUE", "CHECK", "FOREIGN KEY"].into_iter().find(|kind| rest.starts_with(kind))?;
    let rest = rest[kind.len()..].trim().trim_end_matches(',');
    let columns = if kind == "CHECK" { vec![rest.to_owned()] } else { columns_of(rest) };
    Some(Constraint { table: table.to_owned(), name: name.to_owned(), kind: kind.to_owned(), columns })
}

fn columns_of(text: &str) -> Vec<String> {
    let inside = text.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map_or("", |(inside, _)| inside);
    inside.split(',').map(|column| column.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints_are_found_with_name_and_columns() {
        let text = "-- about\nCREATE TABLE a (\n    x TEXT NOT NULL,\n    CONSTRAINT a_pkey PRIMARY KEY (x, y),\n    CONSTRAINT a_c CHECK (\n        x > 1),\n    CONSTRAINT a_f FOREIGN KEY (x) REFERENCES b (y)\n);\nCREATE UNIQUE INDEX a_u ON a (x) WHERE y = 1;\n";
        let seen: Vec<(String, String, String)> = constraints(text).into_iter().map(|c| (c.kind, c.name, c.columns.join("|"))).collect();
        let row = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
        assert_eq!(
            seen,
            [
                row("PRIMARY KEY", "a_pkey", "x|y"),
                row("CHECK", "a_c", "( x > 1)"),
                row("FOREIGN KEY", "a_f", "x"),
                row("UNIQUE INDEX", "a_u", "x")
            ]
        );
    }
}
