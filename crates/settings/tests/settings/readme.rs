//! The settings that READMEs show are settings.

use std::path::Path;

use crate::support::{lookup, registry_of_readmes, sources};
use ultraai_settings::Settings;

/// The blocks of TOML that set providers; others are of cargo.
fn settings_in(readme: &str) -> Vec<&str> {
    let blocks = readme.split("```toml\n").skip(1).filter_map(|rest| rest.split_once("\n```"));
    blocks.map(|(block, _)| block).filter(|block| block.contains("[providers.")).collect()
}

#[tokio::test]
async fn the_settings_of_the_readmes_are_taken_and_build() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let own = std::fs::read_to_string(here.join("README.md")).unwrap();
    assert_eq!(settings_in(&own).len(), 1);
    // The workspace's is not there where this package stands alone.
    let root = std::fs::read_to_string(here.join("../../README.md")).unwrap_or_default();
    for block in settings_in(&own).into_iter().chain(settings_in(&root)) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ultraai.toml"), block).unwrap();
        std::fs::write(folder.path().join("prices.toml"), "[openai]\nm = { input = 1, output = 2 }\n")
            .unwrap();
        let sources = sources(folder.path(), lookup(&[("WORK_OPENAI_KEY", "sk-1")]));
        let settings = Settings::load(&sources, &registry_of_readmes()).await;
        let settings = settings.unwrap_or_else(|error| panic!("{error}\n{block}"));
        assert!(settings.notices.is_empty(), "{:?}", settings.notices);
        settings.build().unwrap();
    }
}
