//! Names and values as forms and queries write them. `a=1`, `a[]=1` and `a[0]=1` are entries of a
//! list, `a[b]=1` a member of an object; which of the two something is depends on who reads it.

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

/// Pairs in one text.
const PAIRS_MAX: usize = 1_000;
/// Brackets behind one name.
const LEVELS_MAX: usize = 16;

/// What stands under one name: texts that were written for the name itself, and what was written
/// for names in brackets behind it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in super::super) struct FormNode {
    texts: Vec<String>,
    members: Vec<(String, FormNode)>,
}

/// Why a text is no form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum NoForm {
    TooManyPairs,
    TooDeep,
    NotUtf8,
}

impl NoForm {
    pub(super) fn message(self) -> String {
        match self {
            Self::TooManyPairs => format!("There are more than {PAIRS_MAX} names with values"),
            Self::TooDeep => format!("A name nests deeper than {LEVELS_MAX} levels"),
            Self::NotUtf8 => "A name or a value is not valid UTF-8".to_owned(),
        }
    }
}

impl FormNode {
    /// # Errors
    /// For too many pairs, names that nest too deep, and bytes that are no text.
    pub(in super::super) fn parse(text: &[u8]) -> Result<Self, NoForm> {
        let mut root = Self::default();
        let pairs = text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
        for (position, pair) in pairs.enumerate() {
            if position == PAIRS_MAX {
                return Err(NoForm::TooManyPairs);
            }
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let name = decode(halves.next().unwrap_or_default())?;
            let value = decode(halves.next().unwrap_or_default())?;
            root.add(&name, value)?;
        }
        Ok(root)
    }

    /// Names and values that were decoded already.
    ///
    /// # Errors
    /// For too many pairs, and names that nest too deep.
    pub(in super::super) fn of_pairs<'a>(
        pairs: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, NoForm> {
        let mut root = Self::default();
        for (position, (name, value)) in pairs.enumerate() {
            if position == PAIRS_MAX {
                return Err(NoForm::TooManyPairs);
            }
            root.add(name, value.to_owned())?;
        }
        Ok(root)
    }

    fn add(&mut self, name: &str, value: String) -> Result<(), NoForm> {
        let (first, inner) = split_name(name);
        if inner.len() > LEVELS_MAX {
            return Err(NoForm::TooDeep);
        }
        let mut node = self.child(first);
        for step in inner {
            node = node.child(step);
        }
        node.texts.push(value);
        Ok(())
    }

    fn child(&mut self, name: &str) -> &mut Self {
        let known = self.members.iter().position(|(known, _)| known == name);
        let position = known.unwrap_or_else(|| {
            self.members.push((name.to_owned(), Self::default()));
            self.members.len() - 1
        });
        #[allow(clippy::indexing_slicing, reason = "it was found or has just been pushed")]
        &mut self.members[position].1
    }

    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        self.members.iter().find(|(known, _)| known == name).map(|(_, node)| node)
    }

    /// The text, if there is one and nothing else.
    pub(super) fn text(&self) -> Option<&str> {
        match &*self.texts {
            [text] if self.members.is_empty() => Some(text),
            _ => None,
        }
    }

    /// Whether it holds names and nothing else.
    pub(super) fn is_object(&self) -> bool {
        self.texts.is_empty()
    }

    /// The entries of a list: what was written without a position in its order, and behind it what
    /// has one in the order of the positions. `None` if it holds names.
    pub(super) fn entries(&self) -> Option<Vec<Entry<'_>>> {
        let mut entries: Vec<Entry<'_>> = self.texts.iter().map(|text| Entry::Text(text)).collect();
        let mut numbered = Vec::new();
        for (name, node) in &self.members {
            if name.is_empty() {
                let texts = node.texts.iter().map(|text| Entry::Text(text));
                entries.extend(texts);
                if !node.members.is_empty() {
                    entries.push(Entry::Node(node));
                }
            } else {
                let is_position = name.bytes().all(|byte| byte.is_ascii_digit());
                numbered.push((name.parse::<u32>().ok().filter(|_| is_position)?, node));
            }
        }
        numbered.sort_by_key(|(position, _)| *position);
        for (_, node) in numbered {
            entries.push(node.text().map_or(Entry::Node(node), Entry::Text));
        }
        Some(entries)
    }

    /// What an error calls it.
    pub(super) fn kind(&self) -> &'static str {
        match (self.texts.len(), self.members.len()) {
            (1, 0) => "string",
            _ if self.entries().is_some() => "array",
            _ => "object",
        }
    }

    /// As JSON, an object whatever its names are; everything else in it is what it looks like.
    /// `None` where a name has a text and names of its own.
    pub(super) fn to_json_object(&self) -> Option<String> {
        let is_clean = self.is_object() && self.is_clean() && self.get("").is_none();
        is_clean.then(|| serde_json::to_string(&AsObject(self)).ok()).flatten()
    }

    fn is_clean(&self) -> bool {
        let is_one = self.texts.is_empty() || self.members.is_empty();
        let is_list = self.entries().is_some();
        let has_no_blank = is_list || self.get("").is_none();
        (is_one || is_list) && has_no_blank && self.members.iter().all(|(_, node)| node.is_clean())
    }
}

/// One entry of a list.
#[derive(Debug, Clone, Copy)]
pub(super) enum Entry<'a> {
    Text(&'a str),
    Node(&'a FormNode),
}

struct AsObject<'a>(&'a FormNode);

impl Serialize for AsObject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.members.len()))?;
        for (name, node) in &self.0.members {
            map.serialize_entry(name, node)?;
        }
        map.end()
    }
}

impl Serialize for FormNode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(text) = self.text() {
            return serializer.serialize_str(text);
        }
        let Some(entries) = self.entries() else {
            return AsObject(self).serialize(serializer);
        };
        let mut list = serializer.serialize_seq(Some(entries.len()))?;
        for entry in entries {
            match entry {
                Entry::Text(text) => list.serialize_element(text)?,
                Entry::Node(node) => list.serialize_element(node)?,
            }
        }
        list.end()
    }
}

/// `a[b][c]` is `a` with `b` and `c` behind it. Whatever is written otherwise is one whole name.
fn split_name(name: &str) -> (&str, Vec<&str>) {
    let Some(open) = name.find('[').filter(|open| *open > 0) else {
        return (name, Vec::new());
    };
    let (first, rest) = name.split_at(open);
    let inner = rest.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let steps: Option<Vec<&str>> = inner.map(|inner| inner.split("][").collect());
    match steps {
        Some(steps) if !steps.iter().any(|step| step.contains(['[', ']'])) => (first, steps),
        _ => (name, Vec::new()),
    }
}

/// Undoes percent signs and plus signs. An escape that is none stays as it is written.
fn decode(text: &[u8]) -> Result<String, NoForm> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        let escape = match (first, after) {
            (b'%', [high, low, behind @ ..]) => {
                digit(*high).zip(digit(*low)).map(|(high, low)| ((high << 4) | low, behind))
            }
            (b'+', _) => Some((b' ', after)),
            _ => None,
        };
        let (byte, behind) = escape.unwrap_or((*first, after));
        bytes.push(byte);
        rest = behind;
    }
    String::from_utf8(bytes).map_err(|_cause| NoForm::NotUtf8)
}
