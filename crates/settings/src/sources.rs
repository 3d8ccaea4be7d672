//! Where settings are read from.

use std::path::PathBuf;

use ultraai_core::Lookup;

use crate::{Arguments, LocalServers};

/// The name of the settings file.
pub const FILE_NAME: &str = "ultraai.toml";

/// Variable that names the settings file.
pub(crate) const FILE_VARIABLE: &str = "ULTRAAI_CONFIG";

/// Where settings are read from; all of it can be replaced, so that reading is testable.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Sources {
    /// The file that an argument names.
    pub file: Option<PathBuf>,
    /// The folder that is looked in first. Default: the current one.
    pub folder: PathBuf,
    /// Where variables are looked up.
    pub lookup: Lookup,
    /// Names of the variables that are set, to find misspelt ones. Default: none.
    pub variables: Vec<String>,
    /// What arguments set.
    pub arguments: Arguments,
    /// Which servers of this machine are looked for where nothing is configured.
    pub local_servers: LocalServers,
}

impl Sources {
    /// Sources whose variables are looked up in `lookup`, without arguments.
    pub fn new(lookup: Lookup) -> Self {
        Self {
            file: None,
            folder: PathBuf::new(),
            variables: Vec::new(),
            arguments: Arguments::default(),
            local_servers: LocalServers::from_lookup(&lookup),
            lookup,
        }
    }

    /// The process's own environment.
    pub fn environment() -> Self {
        let variables = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect();
        Self { variables, ..Self::new(Lookup::environment()) }
    }

    /// The files that are looked for, in this order, when none is named.
    pub fn usual_files(&self) -> Vec<PathBuf> {
        let user = self.user_folder().map(|folder| folder.join("ultraai").join(FILE_NAME));
        std::iter::once(self.folder.join(FILE_NAME)).chain(user).collect()
    }

    /// The file to read: the one that is named, else the first usual one that is there.
    pub(crate) fn file(&self) -> Option<PathBuf> {
        let named = self.file.clone().or_else(|| self.lookup.get(FILE_VARIABLE).map(PathBuf::from));
        named.or_else(|| self.usual_files().into_iter().find(|path| path.is_file()))
    }

    /// The user's configuration folder (XDG base directories; `APPDATA` on Windows).
    fn user_folder(&self) -> Option<PathBuf> {
        let folder = |name: &str| self.lookup.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
        folder("XDG_CONFIG_HOME")
            .or_else(|| if cfg!(windows) { folder("APPDATA") } else { None })
            .or_else(|| folder("HOME").map(|home| home.join(".config")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_users_folder_follows_the_variables() {
        let sources =
            Sources::new(Lookup::new(|name| (name == "XDG_CONFIG_HOME").then(|| "/etc/me".to_owned())));
        assert_eq!(
            sources.usual_files(),
            [PathBuf::from("ultraai.toml"), PathBuf::from("/etc/me/ultraai/ultraai.toml")]
        );
        let sources = Sources::new(Lookup::new(|name| (name == "HOME").then(|| "/home/me".to_owned())));
        assert_eq!(sources.usual_files()[1], PathBuf::from("/home/me/.config/ultraai/ultraai.toml"));
        assert_eq!(Sources::new(Lookup::empty()).usual_files().len(), 1);
    }
}
