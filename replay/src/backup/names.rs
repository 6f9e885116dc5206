//! Values in the statements and settings that backups write.

/// The texts in single quotes, first to last; a doubled quote stands for one.
pub(super) fn quoted(text: &str) -> Vec<String> {
    let mut texts = vec![];
    let mut rest = text;
    while let Some(start) = rest.find('\'') {
        let mut value = String::new();
        rest = &rest[start + 1..];
        loop {
            let Some(end) = rest.find('\'') else { return texts };
            value.push_str(&rest[..end]);
            rest = &rest[end + 1..];
            match rest.strip_prefix('\'') {
                Some(after) => {
                    value.push('\'');
                    rest = after;
                }
                None => break,
            }
        }
        texts.push(value);
    }
    texts
}

/// What stands behind `key` and an equals sign, the key in any case.
fn after<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let at = text.to_ascii_uppercase().find(key)?;
    text.get(at + key.len()..)?.trim_start().strip_prefix('=').map(str::trim_start)
}

/// The quoted text behind `key=`.
pub(super) fn quoted_after(text: &str, key: &str) -> Option<String> {
    let rest = after(text, key)?;
    rest.starts_with('\'').then(|| quoted(rest).into_iter().next())?
}

/// The number behind `key=`.
pub(super) fn number_after(text: &str, key: &str) -> Option<u64> {
    let rest = after(text, key)?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..digits].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_behind_their_keys() {
        let text = "CHANGE MASTER TO master_log_file = 'a''b.000001', MASTER_LOG_POS=4711;";
        assert_eq!(quoted_after(text, "MASTER_LOG_FILE").as_deref(), Some("a'b.000001"));
        assert_eq!(number_after(text, "MASTER_LOG_POS"), Some(4711));
        assert_eq!(number_after(text, "MASTER_LOG_FILE"), None);
        assert_eq!(quoted_after(text, "MASTER_LOG_POS"), None);
        assert_eq!(quoted("x '+'*/ 'a', 'open"), ["+", "a"]);
    }
}
