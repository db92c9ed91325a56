//! The activity log.

use super::{commit, sample};
use crate::{ACTIVITY_KEPT, ActivityEntry, Store, Write};

/// Whole, numbered, newest first.
pub async fn the_activity_log_is_paged_newest_first(store: &dyn Store) {
    let full = ActivityEntry {
        container: Some("web".into()),
        host: Some("far".into()),
        user: None,
        kind: Some("service".into()),
        ..sample::activity(2)
    };
    let entries = [sample::activity(1), full.clone(), sample::activity(3)];
    commit(store, entries.map(Write::AppendActivity).into()).await;
    let newest = store.list_activity(None, 2).await.expect("a read");
    assert_eq!(newest.iter().map(|a| &a.entry).collect::<Vec<_>>(), [&sample::activity(3), &full]);
    let older = store.list_activity(Some(newest[1].seq), 9).await.expect("a read");
    assert_eq!(older.iter().map(|a| &a.entry).collect::<Vec<_>>(), [&sample::activity(1)]);
    assert!(older[0].seq < newest[1].seq && newest[1].seq < newest[0].seq);
}

/// As many as are kept; the oldest go.
pub async fn the_activity_log_keeps_the_newest_entries(store: &dyn Store) {
    let kept = i64::from(ACTIVITY_KEPT);
    let entries = (1..=kept + 3).map(|n| Write::AppendActivity(sample::activity(n)));
    commit(store, entries.collect()).await;
    let all = store.list_activity(None, ACTIVITY_KEPT + 10).await.expect("a read");
    assert_eq!(all.len(), ACTIVITY_KEPT as usize);
    let ends = (all.first().map(|a| a.entry.at), all.last().map(|a| a.entry.at));
    assert_eq!(ends, (Some(sample::at(kept + 3)), Some(sample::at(4))));
}
