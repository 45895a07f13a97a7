use super::*;

#[test]
fn the_tables_are_sorted_and_documented() {
    for table in FETCHES {
        assert!(table.windows(2).all(|w| w[0].name < w[1].name), "{}", table[0].name);
        assert!(table.iter().all(|f| !f.doc.is_empty() && f.since != Release::default()));
    }
    for table in converter_tables() {
        assert!(table.windows(2).all(|w| w[0].name < w[1].name), "{}", table[0].name);
        assert!(table.iter().all(|c| !c.doc.is_empty() && c.since != Release::default()));
    }
}
