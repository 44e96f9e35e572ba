//! The kinds of file whose text can be read. A kind is told by the file's name alone, never by
//! its content: what is inside is judged by whoever parses it.

/// A kind of file, named by its extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileKind {
    Text,
    Markdown,
    Html,
    Pdf,
    Docx,
    Csv,
    Json,
}

impl FileKind {
    /// Every kind, in the order of the enum.
    pub const ALL: [Self; 7] =
        [Self::Text, Self::Markdown, Self::Html, Self::Pdf, Self::Docx, Self::Csv, Self::Json];

    /// By the extension, in any case; `None` for one that no kind has and for a name without.
    #[must_use]
    pub fn of_name(file_name: &str) -> Option<Self> {
        let (_, extension) = file_name.rsplit_once('.')?;
        Self::ALL.into_iter().find(|kind| {
            kind.extensions().iter().any(|known| known.eq_ignore_ascii_case(extension))
        })
    }

    /// Lower-case extensions without the dot; the usual one first.
    #[must_use]
    pub fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Text => &["txt"],
            Self::Markdown => &["md", "markdown"],
            Self::Html => &["html", "htm"],
            Self::Pdf => &["pdf"],
            Self::Docx => &["docx"],
            Self::Csv => &["csv"],
            Self::Json => &["json"],
        }
    }

    /// The media type, without parameters.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain",
            Self::Markdown => "text/markdown",
            Self::Html => "text/html",
            Self::Pdf => "application/pdf",
            Self::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            Self::Csv => "text/csv",
            Self::Json => "application/json",
        }
    }

    /// A short name that never changes, for records and command lines.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Markdown => "markdown",
            Self::Html => "html",
            Self::Pdf => "pdf",
            Self::Docx => "docx",
            Self::Csv => "csv",
            Self::Json => "json",
        }
    }

    /// The inverse of [`FileKind::as_str`].
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_told_by_the_extension_in_any_case() {
        for (name, kind) in [
            ("notes.txt", Some(FileKind::Text)),
            ("README.md", Some(FileKind::Markdown)),
            ("a.b.Markdown", Some(FileKind::Markdown)),
            ("index.HTM", Some(FileKind::Html)),
            ("page.html", Some(FileKind::Html)),
            ("Bericht.PDF", Some(FileKind::Pdf)),
            ("Отчёт.docx", Some(FileKind::Docx)),
            ("rows.csv", Some(FileKind::Csv)),
            ("data.json", Some(FileKind::Json)),
            ("archive.tar.gz", None),
            ("pdf", None),
            ("trailing.", None),
            ("", None),
        ] {
            assert_eq!(FileKind::of_name(name), kind, "{name}");
        }
    }

    #[test]
    fn every_kind_is_found_by_its_name_and_by_each_extension() {
        for kind in FileKind::ALL {
            assert_eq!(FileKind::find(kind.as_str()), Some(kind));
            assert!(kind.content_type().contains('/'));
            for extension in kind.extensions() {
                assert_eq!(FileKind::of_name(&format!("x.{extension}")), Some(kind));
            }
        }
        assert_eq!(FileKind::find("PDF"), None);
    }
}
