//! How valence follows outcomes, as numbers.

use serde_json::json;

use super::caller::Caller;
use crate::support::TestServer;

/// Checklist line 50.
#[tokio::test(flavor = "multi_thread")]
async fn repeated_praise_raises_a_valence_by_ever_smaller_steps_and_never_past_one() {
    let server = TestServer::start().await;
    let caller = Caller::of_a_new_tenant(&server, "local").await;
    let written = caller.post("memory/write", json!({"content": "Worth keeping"})).await.ok();
    let mut valences = vec![0.0];
    for round in 1..=10 {
        let rated = json!({"atom_ids": [written["atom_id"]], "outcome": 1});
        let answer = caller.post("memory/feedback", rated).await.ok();
        valences.push(answer["avg_valence"].as_f64().unwrap());
        let route = format!("memory/atoms/{}", written["atom_id"].as_str().unwrap());
        assert_eq!(caller.get(&route).await.ok()["outcome_count"], round);
    }
    let steps: Vec<f64> = valences.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(steps.iter().all(|step| *step > 0.0), "{valences:?}");
    assert!(steps.windows(2).all(|pair| pair[1] < pair[0]), "{steps:?}");
    assert!(valences[10] > 0.7 && valences[10] <= 1.0, "{valences:?}");
}
