//! Where the keys are looked for.

use std::{fs, path::PathBuf};

use ultraai_core::{BuildContext, Error, ErrorKind, Lookup, Result, Secret};

/// The variable that holds a bearer key of Bedrock's own.
pub(crate) const BEARER_VARIABLE: &str = "AWS_BEARER_TOKEN_BEDROCK";

/// How requests show who sends them.
#[derive(Clone, Debug)]
pub(crate) enum Credential {
    /// A key that is sent as it is.
    Bearer(Secret),
    /// Keys that sign each request.
    Keys(Keys),
}

/// A pair of keys, with the token of the session that they belong to.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    /// The id, which is no secret.
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: Secret,
    pub(crate) session_token: Option<Secret>,
}

/// The credential: what `api_key` names, the profile that the settings name, a bearer key of the environment, the keys of the
/// environment, or the profile that the environment names or the usual one; the first that is there.
///
/// # Errors
/// `Config` when a place that is named holds none, or half of one.
pub(crate) fn find(profile: Option<&str>, context: &BuildContext) -> Result<Option<Credential>> {
    if context.key.is_some() {
        return Ok(context.api_key(&[])?.map(Credential::Bearer));
    }
    let lookup = &context.lookup;
    if let Some(profile) = profile {
        return of_profile(profile, lookup)?.map(Some).ok_or_else(|| missing(profile, lookup));
    }
    if let Some(key) = context.api_key(&[BEARER_VARIABLE])? {
        return Ok(Some(Credential::Bearer(key)));
    }
    if let Some(keys) = of_environment(lookup)? {
        return Ok(Some(keys));
    }
    match lookup.get("AWS_PROFILE") {
        Some(profile) => of_profile(&profile, lookup)?.map(Some).ok_or_else(|| missing(&profile, lookup)),
        None => of_profile("default", lookup),
    }
}

fn missing(profile: &str, lookup: &Lookup) -> Error {
    let file = file(lookup).map_or_else(|| "~/.aws/credentials".into(), |file| file.display().to_string());
    let message =
        format!("there are no keys for the profile `{profile}` in {file}: name another as `profile`");
    Error::new(ErrorKind::Config, message)
}

fn of_environment(lookup: &Lookup) -> Result<Option<Credential>> {
    let get = |name: &str| lookup.get(name);
    keys(get("AWS_ACCESS_KEY_ID"), get("AWS_SECRET_ACCESS_KEY"), get("AWS_SESSION_TOKEN")).map_err(|half| {
        let message = format!("the variable {} is not set, and its other half is", half.to_ascii_uppercase());
        Error::new(ErrorKind::Config, message)
    })
}

/// The keys; the name of the half that is missing where there is one alone.
fn keys(
    id: Option<String>,
    secret: Option<String>,
    token: Option<String>,
) -> std::result::Result<Option<Credential>, &'static str> {
    let plain = |text: String| text.trim().to_owned();
    let (access_key_id, secret) = match (id, secret) {
        (None, None) => return Ok(None),
        (None, Some(_)) => return Err("aws_access_key_id"),
        (Some(_), None) => return Err("aws_secret_access_key"),
        (Some(id), Some(secret)) => (plain(id), plain(secret)),
    };
    let secret_access_key = Secret::new(secret).map_err(|_| "aws_secret_access_key")?;
    let session_token = token.map(plain).and_then(|token| Secret::new(token).ok());
    Ok(Some(Credential::Keys(Keys { access_key_id, secret_access_key, session_token })))
}

/// The file of profiles.
fn file(lookup: &Lookup) -> Option<PathBuf> {
    if let Some(file) = lookup.get("AWS_SHARED_CREDENTIALS_FILE") {
        return Some(file.into());
    }
    let home = lookup.get("HOME").or_else(|| lookup.get("USERPROFILE"))?;
    Some(PathBuf::from(home).join(".aws").join("credentials"))
}

/// The keys of a profile; `None` where there is no such file or no such profile.
fn of_profile(profile: &str, lookup: &Lookup) -> Result<Option<Credential>> {
    let Some(file) = file(lookup) else { return Ok(None) };
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            let message = format!("the file {} cannot be read", file.display());
            return Err(Error::new(ErrorKind::Config, message).with_source(error));
        }
    };
    let value = |key: &str| value(&text, profile, key);
    let (id, secret) = (value("aws_access_key_id"), value("aws_secret_access_key"));
    keys(id, secret, value("aws_session_token")).map_err(|half| {
        let message = format!("the profile `{profile}` in {} has no `{half}`", file.display());
        Error::new(ErrorKind::Config, message)
    })
}

/// The value of `key` in the section `profile`; the last one where there are several.
fn value(text: &str, profile: &str, key: &str) -> Option<String> {
    let mut inside = false;
    let mut found = None;
    for line in text.lines() {
        let trimmed = line.trim();
        if let Some(section) = trimmed.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            inside = section.trim() == profile;
        } else if inside
            && !line.starts_with([' ', '\t'])
            && let Some((name, value)) = trimmed.split_once('=')
            && name.trim().eq_ignore_ascii_case(key)
        {
            // A comment is one only behind white space, since a key may hold the sign.
            let value = value.split(" #").next().unwrap_or_default().split(" ;").next().unwrap_or_default();
            found = Some(value.trim().to_owned()).filter(|value| !value.is_empty());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_read_as_the_tools_of_the_vendor_read_it() {
        let text = "# comment\n[default]\naws_access_key_id = A\naws_secret_access_key=s+/=#x\n\n[ work ] # mine\nAWS_ACCESS_KEY_ID=B ; old\ns3 =\n  aws_secret_access_key = nested\naws_session_token = t #1\n";
        assert_eq!(value(text, "default", "aws_access_key_id").as_deref(), Some("A"));
        assert_eq!(value(text, "default", "aws_secret_access_key").as_deref(), Some("s+/=#x"));
        assert_eq!(value(text, "default", "aws_session_token"), None);
        assert_eq!(value(text, "work", "aws_access_key_id").as_deref(), Some("B"));
        assert_eq!(value(text, "work", "aws_secret_access_key"), None);
        assert_eq!(value(text, "work", "aws_session_token").as_deref(), Some("t"));
        assert_eq!(value(text, "none", "aws_access_key_id"), None);
    }
}
