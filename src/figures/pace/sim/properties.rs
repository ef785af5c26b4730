//! The six properties, each over 200 seeds.

use super::judging::{Who, broken};
use super::one_call::{become_quick, become_slow, new_and_slow, steady};
use super::storms::{hostile, in_storm, like_names, stall};

fn holds(property: impl Fn(Who, u64) -> Result<(), String> + Sync) {
    let (seeds, what) = broken(|seed| property(Who::Overtaken, seed));
    assert_eq!(seeds, 0, "{what}");
}

#[test]
fn property_1_new_and_slow_is_known_after_three_runs_or_one_in_flight() {
    holds(new_and_slow);
}

#[test]
fn property_1_what_has_become_slow_is_known_after_eight_runs() {
    holds(become_slow);
}

#[test]
fn property_2_a_storm_makes_no_quick_call_slow() {
    holds(|who, seed| in_storm(who, seed, false, 0));
}

#[test]
fn property_3_what_has_become_quick_is_fast_after_three_runs_or_a_minute() {
    holds(become_quick);
}

#[test]
fn property_3_a_call_near_the_border_changes_at_most_once_an_hour() {
    holds(steady);
}

#[test]
fn property_4_clicks_wait_no_longer_than_with_names() {
    holds(like_names);
}

#[test]
fn property_5_a_hostile_client_moves_no_other_call() {
    holds(hostile);
}

#[test]
fn property_6_a_stall_in_a_storm_changes_nothing() {
    holds(stall);
}
