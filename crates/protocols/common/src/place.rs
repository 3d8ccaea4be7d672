//! Where a value stands in a request.

use std::{fmt, iter::Enumerate, rc::Rc, vec};

use ultraai_core::{Error, ErrorKind};

/// Where a value stands in a request, such as `messages[2].content`. It is told by errors alone, so it is kept as its last step
/// and what that is taken from, and put into words when one comes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// What it is a field or an entry of, unless that is the request itself.
    within: Option<Rc<Place>>,
    field: &'static str,
    entry: Option<usize>,
}

impl Place {
    /// The request itself.
    pub fn top() -> Self {
        Self::default()
    }

    /// A field of what stands here.
    #[must_use]
    pub fn field(&self, name: &'static str) -> Self {
        Self { within: self.shared(), field: name, entry: None }
    }

    /// An entry of the list that stands here.
    #[must_use]
    pub fn entry(&self, index: usize) -> Self {
        match self.entry {
            None => Self { entry: Some(index), ..self.clone() },
            Some(_) => Self { within: self.shared(), field: "", entry: Some(index) },
        }
    }

    fn shared(&self) -> Option<Rc<Self>> {
        (*self != Self::top()).then(|| Rc::new(self.clone()))
    }

    /// The error for a value that is not `wanted`, such as `a text`; it repeats nothing of what stands there.
    pub fn wrong(&self, wanted: &str) -> Error {
        let place = if *self == Self::top() { "the request".to_owned() } else { format!("`{self}`") };
        Error::new(ErrorKind::InvalidRequest, format!("{place} must be {wanted}"))
    }

    /// The error for a field that is missing here.
    pub fn missing(&self, name: &'static str) -> Error {
        Error::new(ErrorKind::InvalidRequest, format!("`{}` is missing", self.field(name)))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(within) = &self.within {
            within.fmt(f)?;
            f.write_str(if self.field.is_empty() { "" } else { "." })?;
        }
        f.write_str(self.field)?;
        self.entry.map_or(Ok(()), |index| write!(f, "[{index}]"))
    }
}

/// The entries of a list of a request, each with its place.
#[derive(Clone, Debug)]
pub struct Entries<T> {
    list: Enumerate<vec::IntoIter<T>>,
    place: Place,
}

impl<T> Entries<T> {
    /// The entries of the list that stands at `place`.
    pub fn of(list: Vec<T>, place: Place) -> Self {
        Self { list: list.into_iter().enumerate(), place }
    }

    /// Whether none is left.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T> Default for Entries<T> {
    fn default() -> Self {
        Self::of(Vec::new(), Place::top())
    }
}

impl<T> Iterator for Entries<T> {
    type Item = (Place, T);

    fn next(&mut self) -> Option<Self::Item> {
        self.list.next().map(|(index, value)| (self.place.entry(index), value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.list.size_hint()
    }
}

impl<T> ExactSizeIterator for Entries<T> {}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_place_is_told_as_it_is_written_in_a_program() {
        let content = Place::top().field("messages").entry(2).field("content");
        assert_eq!(content.to_string(), "messages[2].content");
        assert_eq!(content.entry(0).entry(7).field("a").to_string(), "messages[2].content[0][7].a");
        assert_eq!(content.wrong("a text").message(), "`messages[2].content` must be a text");
        assert_eq!(content.missing("a").message(), "`messages[2].content.a` is missing");
        assert_eq!(Place::top().wrong("an object").message(), "the request must be an object");
        assert_eq!(Place::top().missing("a").message(), "`a` is missing");
        assert_eq!(Place::top().entry(0).field("a").to_string(), "[0].a");
    }

    #[test]
    fn entries_know_their_places() {
        let entries = Entries::of(vec![json!(7), json!(8)], Place::top().field("input"));
        assert_eq!(entries.len(), 2);
        let told: Vec<_> = entries.map(|(place, value)| format!("{place}: {value}")).collect();
        assert_eq!(told, ["input[0]: 7", "input[1]: 8"]);
    }
}
