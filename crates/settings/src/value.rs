//! What the settings of the gateway may be, each read from a file and from a variable.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, time::Duration};

use serde_json::Value;

/// The type of a setting.
pub(crate) trait Setting: Sized {
    /// What it must be, in words.
    const EXPECTED: &'static str;

    /// What a file holds; `None` where that does not fit.
    fn read(value: &Value) -> Option<Self>;

    /// What a file would hold; `Null` where nothing is set.
    fn value(&self) -> Value;

    /// What the text of a variable gives; `None` where that does not fit.
    fn of_text(text: &str) -> Option<Value>;

    /// Its number, where it has bounds.
    fn number(&self) -> Option<f64> {
        None
    }

    /// What else is wrong with it.
    ///
    /// # Errors
    /// What and why, to be read behind its name.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

impl Setting for bool {
    const EXPECTED: &'static str = "true or false";

    fn read(value: &Value) -> Option<Self> {
        value.as_bool()
    }

    fn value(&self) -> Value {
        Value::from(*self)
    }

    fn of_text(text: &str) -> Option<Value> {
        text.trim().parse().ok().map(Value::Bool)
    }
}

impl Setting for usize {
    const EXPECTED: &'static str = "a whole number";

    fn read(value: &Value) -> Option<Self> {
        value.as_u64()?.try_into().ok()
    }

    fn value(&self) -> Value {
        Value::from(*self)
    }

    fn of_text(text: &str) -> Option<Value> {
        text.trim().parse::<u64>().ok().map(Value::from)
    }

    fn number(&self) -> Option<f64> {
        // What is more is beyond all bounds.
        Some(u32::try_from(*self).map_or(f64::INFINITY, f64::from))
    }
}

impl Setting for Duration {
    const EXPECTED: &'static str = "a number of seconds";

    fn read(value: &Value) -> Option<Self> {
        Self::try_from_secs_f64(value.as_f64()?).ok()
    }

    fn value(&self) -> Value {
        match self.subsec_nanos() {
            0 => Value::from(self.as_secs()),
            _ => Value::from(self.as_secs_f64()),
        }
    }

    fn of_text(text: &str) -> Option<Value> {
        text.trim().parse::<f64>().ok().filter(|seconds| seconds.is_finite()).map(Value::from)
    }

    fn number(&self) -> Option<f64> {
        Some(self.as_secs_f64())
    }
}

impl Setting for SocketAddr {
    const EXPECTED: &'static str = "an address and a port, such as \"127.0.0.1:8080\" or \"[::1]:8080\"";

    fn read(value: &Value) -> Option<Self> {
        value.as_str()?.trim().parse().ok()
    }

    fn value(&self) -> Value {
        Value::from(self.to_string())
    }

    fn of_text(text: &str) -> Option<Value> {
        Self::read(&Value::from(text)).map(|address| address.value())
    }
}

impl Setting for Option<usize> {
    const EXPECTED: &'static str = usize::EXPECTED;

    fn read(value: &Value) -> Option<Self> {
        usize::read(value).map(Some)
    }

    fn value(&self) -> Value {
        self.map_or(Value::Null, Value::from)
    }

    fn of_text(text: &str) -> Option<Value> {
        usize::of_text(text)
    }

    fn number(&self) -> Option<f64> {
        self.and_then(|number| number.number())
    }
}

impl Setting for Option<PathBuf> {
    const EXPECTED: &'static str = "the path of a folder";

    fn read(value: &Value) -> Option<Self> {
        value.as_str().map(|path| Some(PathBuf::from(path)))
    }

    fn value(&self) -> Value {
        self.as_ref().map_or(Value::Null, |path| Value::from(path.to_string_lossy()))
    }

    fn of_text(text: &str) -> Option<Value> {
        Some(Value::from(text))
    }

    fn check(&self) -> Result<(), String> {
        match self.as_ref().is_some_and(|path| path.as_os_str().is_empty()) {
            true => Err("is empty: name a folder, or leave it out".to_owned()),
            false => Ok(()),
        }
    }
}

impl Setting for Vec<String> {
    const EXPECTED: &'static str = "a list of texts";

    fn read(value: &Value) -> Option<Self> {
        value.as_array()?.iter().map(|text| text.as_str().map(str::to_owned)).collect()
    }

    fn value(&self) -> Value {
        Value::from(self.as_slice())
    }

    /// Several are parted by commas.
    fn of_text(text: &str) -> Option<Value> {
        let texts = text.split(',').map(str::trim).filter(|text| !text.is_empty());
        Some(texts.map(Value::from).collect())
    }

    /// Lists are of origins: a browser sends scheme, host and port, and never a path.
    fn check(&self) -> Result<(), String> {
        let is_origin = |text: &str| {
            let host = text.split_once("://").map_or("", |(_, host)| host);
            !host.is_empty() && host.chars().all(|c| c.is_ascii_graphic() && !"/?#@".contains(c))
        };
        match self.iter().find(|text| *text != "*" && !is_origin(text)) {
            Some(_) => Err("holds what is no origin: write scheme, host and port without a path, as in \"https://app.example.com\", or \"*\" for all".to_owned()),
            None => Ok(()),
        }
    }
}

impl Setting for BTreeMap<String, String> {
    const EXPECTED: &'static str = "a table of texts";

    fn read(value: &Value) -> Option<Self> {
        let pairs = value.as_object()?.iter();
        pairs.map(|(key, text)| Some((key.clone(), text.as_str()?.to_owned()))).collect()
    }

    fn value(&self) -> Value {
        Value::Object(self.iter().map(|(key, text)| (key.clone(), Value::from(text.as_str()))).collect())
    }

    fn of_text(_: &str) -> Option<Value> {
        None
    }
}
