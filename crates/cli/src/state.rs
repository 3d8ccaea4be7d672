//! Where access keys and what was spent are kept.

use std::path::{Path, PathBuf};

use ultraai::Lookup;
use ultraai_settings::GatewaySettings;

use crate::failure::Failure;

/// The folder that an argument names, else that of the settings, else `ultraai` in the user's folder for state (XDG base
/// directories; `LOCALAPPDATA` on Windows).
pub(crate) fn folder(
    argument: Option<&Path>,
    gateway: &GatewaySettings,
    lookup: &Lookup,
) -> Result<PathBuf, Failure> {
    if let Some(folder) = argument.or(gateway.state_folder.as_deref()) {
        return Ok(folder.to_owned());
    }
    let folder = |name: &str| lookup.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let of_user = folder("XDG_STATE_HOME")
        .or_else(|| if cfg!(windows) { folder("LOCALAPPDATA") } else { None })
        .or_else(|| folder("HOME").map(|home| home.join(".local").join("state")));
    of_user.map(|folder| folder.join("ultraai")).ok_or_else(|| {
        Failure::usage(
            "there is no place for access keys and what is spent: name a folder with --state or `gateway.state_folder`, or set HOME",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_goes_before_the_settings_and_those_before_the_users_folder() {
        let lookup = Lookup::new(|name| (name == "HOME").then(|| "/home/me".to_owned()));
        let mut gateway = GatewaySettings::default();
        let of = |argument: Option<&str>, gateway: &GatewaySettings, lookup: &Lookup| {
            folder(argument.map(Path::new), gateway, lookup).map(|folder| folder.display().to_string()).ok()
        };
        assert_eq!(of(None, &gateway, &lookup).as_deref(), Some("/home/me/.local/state/ultraai"));
        assert_eq!(of(None, &gateway, &Lookup::empty()), None);
        gateway.state_folder = Some("/var/lib/ultraai".into());
        assert_eq!(of(None, &gateway, &lookup).as_deref(), Some("/var/lib/ultraai"));
        assert_eq!(of(Some("here"), &gateway, &lookup).as_deref(), Some("here"));
    }
}
