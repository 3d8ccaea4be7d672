//! Simulated worlds, in virtual time and through the real engine: which strategy is best differs by kind of task, and changes.

#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::print_stdout, reason = "the figures are to be seen")]

mod world;

use world::{Figures, World};

/// Three kinds of tasks and three strategies; half-way the best of each kind is another one.
fn flipping() -> World {
    World::new(2_000).of(
        [[0.9, 0.6, 0.4], [0.5, 0.9, 0.6], [0.3, 0.6, 0.9]],
        [[0.4, 0.6, 0.9], [0.9, 0.5, 0.6], [0.6, 0.9, 0.3]],
    )
}

async fn over_seeds(title: &str, world: &World, seeds: u64) -> Vec<Figures> {
    let mut all = Vec::new();
    for seed in 1..=seeds {
        let figures = world.run(seed).await;
        println!("{title}, seed {seed}: {figures}");
        all.push(figures);
    }
    all
}

#[tokio::test(start_paused = true)]
async fn what_is_best_is_found_again_within_200_requests_of_a_flip() {
    for figures in over_seeds("flip", &flipping(), 4).await {
        assert!(figures.lost <= 0.10, "{figures}");
        assert!(figures.found_after.is_some_and(|requests| requests <= 200), "{figures}");
    }
}

#[tokio::test(start_paused = true)]
async fn smaller_gaps_take_longer_and_lose_little() {
    let world = World::new(2_000).of(
        [[0.8, 0.6, 0.6], [0.6, 0.8, 0.6], [0.6, 0.6, 0.8]],
        [[0.6, 0.6, 0.8], [0.8, 0.6, 0.6], [0.6, 0.8, 0.6]],
    );
    for figures in over_seeds("gap of 0.2", &world, 2).await {
        assert!(figures.lost <= 0.10, "{figures}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_steady_world_is_not_left_for_a_worse_one() {
    let steady = [[0.9, 0.6, 0.4], [0.5, 0.9, 0.6], [0.3, 0.6, 0.9]];
    for figures in over_seeds("steady", &World::new(1_000).of(steady, steady), 2).await {
        assert!(figures.lost <= 0.08, "{figures}");
    }
}

#[tokio::test(start_paused = true)]
async fn equal_strategies_do_not_take_turns() {
    let equal = [[0.8; 3]; 3];
    for figures in over_seeds("equal", &World::new(1_000).of(equal, equal), 2).await {
        assert!(figures.switched <= 0.30, "{figures}");
        assert!(figures.asked_per_request <= 1.001, "{figures}");
    }
}
