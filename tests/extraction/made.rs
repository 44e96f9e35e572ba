//! Documents that no program writes: small ones, ones that unpack to much, ones that nest or turn
//! in circles.

use std::fmt::Write as _;
use std::io::{BufWriter, Cursor, Read, Write as _};
use std::iter;

use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

/// An archive of one file, whose content is made piece by piece: some do not fit in memory well.
fn zipped<'a>(name: &str, pieces: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file(name, SimpleFileOptions::default()).unwrap();
    let mut writer = BufWriter::with_capacity(1 << 20, writer);
    for piece in pieces {
        writer.write_all(piece.as_bytes()).unwrap();
    }
    writer.into_inner().unwrap().finish().unwrap().into_inner()
}

/// A Word document with this body.
pub(crate) fn docx(body: &str) -> Vec<u8> {
    docx_repeating(body, 1)
}

/// A Word document whose body is this so many times.
pub(crate) fn docx_repeating(body: &str, times: usize) -> Vec<u8> {
    let body = iter::repeat_n(body, times);
    let pieces = iter::once("<w:document><w:body>").chain(body).chain(["</w:body></w:document>"]);
    zipped("word/document.xml", pieces)
}

/// A Word document of this part.
pub(crate) fn docx_of(part: &str) -> Vec<u8> {
    zipped("word/document.xml", [part])
}

/// The part that [`docx_of`] would make into this document.
pub(crate) fn part_of(docx: &[u8]) -> String {
    let mut archive = ZipArchive::new(Cursor::new(docx)).unwrap();
    let mut part = String::new();
    archive.by_name("word/document.xml").unwrap().read_to_string(&mut part).unwrap();
    part
}

/// Deflated, with the frame that PDF asks for. The checksum at the end is not looked at.
fn deflated(content: &str, times: usize) -> Vec<u8> {
    let archive = zipped("x", iter::repeat_n(content, times));
    let mut archive = ZipArchive::new(Cursor::new(archive)).unwrap();
    let mut stream = vec![0x78, 0x9c];
    archive.by_index_raw(0).unwrap().read_to_end(&mut stream).unwrap();
    stream.extend([0; 4]);
    stream
}

/// A document of these numbered objects; 1 is the catalog.
pub(crate) fn pdf(objects: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = b"%PDF-1.7\n".to_vec();
    let mut table = String::new();
    for (number, content) in objects {
        write!(table, "{number} 1\n{:010} 00000 n \n", bytes.len()).unwrap();
        bytes.extend(format!("{number} 0 obj\n").bytes());
        bytes.extend(content);
        bytes.extend(b"\nendobj\n");
    }
    let start = bytes.len();
    let trailer = "trailer\n<</Root 1 0 R/Size 100000>>\nstartxref\n";
    bytes.extend(format!("xref\n0 1\n0000000000 65535 f \n{table}{trailer}{start}\n%%EOF").bytes());
    bytes
}

fn stream(dict: &str, content: &[u8]) -> Vec<u8> {
    let mut bytes = format!("<<{dict}/Length {}>>stream\n", content.len()).into_bytes();
    bytes.extend(content);
    bytes.extend(b"\nendstream");
    bytes
}

const CATALOG: &str = "<</Type/Catalog/Pages 2 0 R>>";
const PAGES: &str = "<</Type/Pages/Kids[3 0 R]/Count 1>>";
const PAGE: &str = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R\
                    /Resources<</Font<</F 5 0 R>>/XObject<</X 6 0 R>>>>>>";
const FONT: &str = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>";
const WORD: &str = "BT /F 9 Tf 9 9 Td (found) Tj ET";

/// One page; each object given replaces one or is added.
fn page_with(changed: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let mut objects = vec![
        (1, CATALOG.into()),
        (2, PAGES.into()),
        (3, PAGE.into()),
        (4, stream("", WORD.as_bytes())),
        (5, FONT.into()),
    ];
    for (number, content) in changed {
        objects.retain(|(known, _)| known != number);
        objects.push((*number, content.clone()));
    }
    pdf(&objects)
}

/// A page whose content is this so many times, deflated.
pub(crate) fn pdf_of_deflated(content: &str, times: usize) -> Vec<u8> {
    page_with(&[(4, stream("/Filter/FlateDecode", &deflated(content, times)))])
}

/// A page that draws a form, which draws another so often, and so on.
pub(crate) fn pdf_of_forms(depth: u32, times: usize) -> Vec<u8> {
    let mut changed = vec![(4, stream("", b"/X Do"))];
    for level in 0..depth {
        let next = 7 + level;
        let dict = format!(
            "/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</Font<</F 5 0 R>>\
             /XObject<</X {next} 0 R>>>>"
        );
        changed.push((6 + level, stream(&dict, "/X Do\n".repeat(times).as_bytes())));
    }
    let last = "/Type/XObject/Subtype/Form/BBox[0 0 9 9]";
    changed.push((6 + depth, stream(last, b"0 0 1 1 re f")));
    page_with(&changed)
}

/// Documents in which something nests too deep or leads back to itself, each with its name.
pub(crate) fn convoluted_pdfs() -> Vec<(&'static str, Vec<u8>)> {
    let deep = 50_000;
    let nested = |open: &str, close: &str| {
        format!("{}{}", open.repeat(deep), close.repeat(deep)).into_bytes()
    };
    let content = |text: &str| (4, stream("", format!("{text} {WORD}").as_bytes()));
    let form = |resources: &str, drawn: &str| {
        let dict = format!("/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<<{resources}>>");
        stream(&dict, drawn.as_bytes())
    };
    let mut tree = vec![(2, b"<</Type/Pages/Kids[100 0 R]/Count 1>>".to_vec())];
    for level in 100..20_000 {
        let kid = if level == 19_999 { 3 } else { level + 1 };
        tree.push((level, format!("<</Type/Pages/Kids[{kid} 0 R]/Count 1>>").into_bytes()));
    }
    let mut chain = vec![(4, b"100 0 R".to_vec())];
    for link in 100..20_000 {
        chain.push((link, format!("{} 0 R", link + 1).into_bytes()));
    }
    let mut looped = page_with(&[]);
    let end = looped.len() - "%%EOF".len();
    looped.truncate(end);
    let start = looped.len();
    let table = "xref\n0 1\n0000000000 65535 f \ntrailer\n<</Root 1 0 R/Size 9";
    looped.extend(format!("{table}/Prev {start}>>\nstartxref\n{start}\n%%EOF").bytes());
    vec![
        ("the plain page", page_with(&[])),
        ("arrays in a page", page_with(&[(3, nested("[", "]"))])),
        ("dictionaries in a page", page_with(&[(3, nested("<</A ", ">>"))])),
        ("dictionaries that never end", page_with(&[(3, "<</A".repeat(deep).into_bytes())])),
        ("arrays in the content", page_with(&[content(&"[".repeat(deep))])),
        ("dictionaries in the content", page_with(&[content(&"/A <</A ".repeat(deep))])),
        ("texts in the content", page_with(&[content(&"(".repeat(deep))])),
        ("states in the content", page_with(&[content(&"q ".repeat(deep))])),
        ("marks in the content", page_with(&[content(&"/A BMC ".repeat(deep))])),
        ("clips in the content", page_with(&[content(&"q 0 0 9 9 re W n ".repeat(deep))])),
        ("a deep tree of pages", page_with(&tree)),
        (
            "pages that are their own kids",
            page_with(&[(2, b"<</Type/Pages/Kids[2 0 R]/Count 9>>".to_vec())]),
        ),
        (
            "pages below each other",
            page_with(&[
                (2, b"<</Type/Pages/Kids[7 0 R 7 0 R]/Count 9>>".to_vec()),
                (7, b"<</Type/Pages/Kids[2 0 R 2 0 R]/Count 9>>".to_vec()),
            ]),
        ),
        ("an object that is itself", page_with(&[(4, b"4 0 R".to_vec())])),
        ("a long chain of references", page_with(&chain)),
        (
            "a form that draws itself",
            page_with(&[content("/X Do"), (6, form("/XObject<</X 6 0 R>>", "/X Do /X Do"))]),
        ),
        (
            "a glyph that draws itself",
            page_with(&[
                (
                    5,
                    b"<</Type/Font/Subtype/Type3/FontBBox[0 0 9 9]\
            /FontMatrix[.1 0 0 .1 0 0]/CharProcs<</a 6 0 R>>/Encoding<</Differences[102/a]>>\
            /FirstChar 102/LastChar 102/Widths[9]/Resources<</Font<</F 5 0 R>>>>>>"
                        .to_vec(),
                ),
                (6, stream("", b"BT /F 1 Tf (f) Tj ET")),
            ]),
        ),
        ("a table of objects that goes back to itself", looped),
        (
            "a length that is its own stream",
            page_with(&[(4, format!("<</Length 4 0 R>>stream\n{WORD}\nendstream").into_bytes())]),
        ),
        (
            "many filters",
            page_with(&[(
                4,
                stream(&format!("/Filter[{}]", "/ASCIIHexDecode ".repeat(deep)), WORD.as_bytes()),
            )]),
        ),
        (
            "a stream of objects in itself",
            page_with(&[(4, stream("/Type/ObjStm/N 1/First 4/Extends 4 0 R", b"4 0 <<>>"))]),
        ),
    ]
}
