//! What the README says of the strategies is what the worlds give.

use std::{fs, sync::LazyLock, time::Duration};

use ultraai_benches::{
    contestants::CONTESTANTS,
    figures::{self, Figures, figures},
    table::{COMMAND, REQUESTS, put, readme, tables},
    worlds::WORLDS,
};

static ALL: LazyLock<Vec<Vec<Figures>>> =
    LazyLock::new(|| figures::all(REQUESTS).expect("every strategy is linked"));

fn of(world: &str, contestant: &str) -> &'static Figures {
    let world = WORLDS.iter().position(|one| one.name == world).expect("there is such a world");
    let contestant =
        CONTESTANTS.iter().position(|one| one.name == contestant).expect("there is such a contestant");
    &ALL[world][contestant]
}

#[test]
fn the_tables_in_the_readme_are_what_the_worlds_give() {
    let text = fs::read_to_string(readme()).unwrap();
    let written = put(&text, &tables(&ALL)).expect("the README has both comments");
    assert!(text == written, "the README's tables are not what the worlds give: run `{COMMAND}`");
}

#[test]
fn stopping_at_one_good_answer_halves_the_95th_percentile_of_waiting_for_all() {
    let p95 = |contestant| of("heavy tail", contestant).wait(0.95);
    let (early, all) = (p95("`parallel`, early stopping"), p95("`parallel`, waiting for all"));
    assert!(early * 2 <= all, "{early:?} and {all:?}");
}

#[test]
fn what_is_given_up_is_counted_and_its_cost_is_not_taken_for_nothing() {
    let early = of("steady", "`parallel`, early stopping");
    assert!(early.abandoned_tokens > 0 && early.known_cost < early.most_cost, "{early:?}");
    let all = of("steady", "`parallel`, waiting for all");
    assert_eq!((all.abandoned_tokens, all.known_cost), (0, all.most_cost));
    // Nothing is saved where the vendors bill what was given up.
    assert_eq!((early.attempts, early.most_cost), (all.attempts, all.most_cost));
}

#[test]
fn one_that_never_answers_keeps_nobody_from_an_answer() {
    for contestant in CONTESTANTS {
        let dead = of("one dead", contestant.name);
        assert_eq!(dead.answered, REQUESTS, "{}", contestant.name);
        assert!(dead.waits.iter().all(|wait| *wait <= Duration::from_secs(30)), "{}", contestant.name);
    }
}

#[test]
fn the_same_seed_makes_the_same_figures() {
    for world in &WORLDS {
        for contestant in &CONTESTANTS {
            let [one, other] = [(), ()].map(|()| figures(world, contestant, 50).unwrap());
            assert_eq!(one, other, "{} in {}", contestant.name, world.name);
        }
    }
}
