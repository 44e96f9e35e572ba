//! Where a field stands, and everything that was found wrong with a request.

use std::borrow::Cow;
use std::cell::RefCell;

use super::super::error::{ApiError, Entity, FieldError};

/// Problems listed in one answer.
const LISTED_MAX: usize = 100;

/// What a reader gathers on its way.
#[derive(Debug)]
pub(super) struct Findings {
    pub(super) entity: Entity,
    /// Characters in any text.
    pub(super) text_chars_max: usize,
    errors: RefCell<Vec<FieldError>>,
    is_cursor_bad: RefCell<bool>,
    missing: RefCell<Option<(&'static str, String)>>,
}

impl Findings {
    pub(super) fn new(entity: Entity, text_chars_max: usize) -> Self {
        Self {
            entity,
            text_chars_max,
            errors: RefCell::default(),
            is_cursor_bad: RefCell::default(),
            missing: RefCell::default(),
        }
    }

    pub(super) fn refuse_cursor(&self) {
        self.is_cursor_bad.replace(true);
    }

    /// In the order in which a request is judged.
    pub(super) fn into_result(self) -> Result<(), ApiError> {
        if self.is_cursor_bad.into_inner() {
            return Err(ApiError::invalid_cursor());
        }
        let errors = self.errors.into_inner();
        if !errors.is_empty() {
            return Err(ApiError::invalid(self.entity, errors));
        }
        match self.missing.into_inner() {
            Some((entity, id)) => Err(ApiError::not_found(entity, Some(&id))),
            None => Ok(()),
        }
    }
}

/// One field, or one entry of a list.
#[derive(Debug)]
pub(in super::super) struct Place<'a> {
    findings: &'a Findings,
    outer: Option<&'a Place<'a>>,
    step: Cow<'a, str>,
}

impl<'a> Place<'a> {
    pub(super) fn of_root(findings: &'a Findings) -> Self {
        Self { findings, outer: None, step: Cow::Borrowed("") }
    }

    pub(super) fn inner(&'a self, step: impl Into<Cow<'a, str>>) -> Self {
        Self { findings: self.findings, outer: Some(self), step: step.into() }
    }

    pub(super) fn findings(&self) -> &'a Findings {
        self.findings
    }

    fn path(&self) -> Vec<String> {
        let Some(outer) = self.outer else { return Vec::new() };
        let mut path = outer.path();
        path.push(self.step.clone().into_owned());
        path
    }

    /// Notes that something is wrong here.
    pub(in super::super) fn add(&self, wrong: Wrong) {
        let mut errors = self.findings.errors.borrow_mut();
        if errors.len() < LISTED_MAX {
            errors.push(wrong.at(self.path()));
        }
    }

    /// Notes that what is referred to here is not there, which is told once all fields are good.
    pub(in super::super) fn miss(&self, entity: &'static str, id: &str) {
        let mut missing = self.findings.missing.borrow_mut();
        missing.get_or_insert_with(|| (entity, id.to_owned()));
    }
}

/// What may be wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Wrong {
    Type {
        expected: &'static str,
        received: &'static str,
    },
    /// None of these.
    Enum(Vec<&'static str>),
    /// Not written as it has to be.
    Pattern(Cow<'static, str>),
    /// A value that does not go here.
    Literal(Cow<'static, str>),
    NoInteger,
    TooSmall(i64),
    TooLarge(i64),
    TooShort(usize),
    TooLong(usize),
    /// Longer than any text may be.
    OverLimit(usize),
}

impl Wrong {
    fn at(self, path: Vec<String>) -> FieldError {
        let name = path.last().map_or_else(|| "the whole".to_owned(), |name| format!("`{name}`"));
        let signed = |number: usize| i64::try_from(number).ok();
        let mut error = FieldError {
            code: "invalid_type",
            message: String::new(),
            path,
            expected: None,
            received: None,
            min: None,
            max: None,
        };
        match self {
            Self::Type { expected, received: "undefined" } => {
                error.message = format!("{name} is required");
                (error.expected, error.received) = (Some(expected.into()), Some("undefined"));
            }
            Self::Type { expected, received } => {
                error.message = format!("{name} must be {expected}, not {received}");
                (error.expected, error.received) = (Some(expected.into()), Some(received));
            }
            Self::Enum(allowed) => {
                let allowed = allowed.join(", ");
                error.code = "invalid_enum";
                error.message = format!("{name} must be one of: {allowed}");
                error.expected = Some(allowed.into());
            }
            Self::Pattern(rule) => {
                error.code = "invalid_regex";
                error.message = format!("{name} {rule}");
            }
            Self::Literal(rule) => {
                error.code = "invalid_literal";
                error.message = format!("{name} {rule}");
            }
            Self::NoInteger => {
                error.code = "invalid_integer";
                error.message = format!("{name} must be a whole number");
            }
            Self::TooSmall(min) => {
                error.code = "invalid_min";
                error.message = format!("{name} must be at least {min}");
                error.min = Some(min);
            }
            Self::TooLarge(max) => {
                error.code = "invalid_max";
                error.message = format!("{name} must be at most {max}");
                error.max = Some(max);
            }
            Self::TooShort(min) => {
                error.code = "invalid_min_length";
                error.message = format!("{name} must have a length of at least {min}");
                error.min = signed(min);
            }
            Self::TooLong(max) => {
                error.code = "invalid_max_length";
                error.message = format!("{name} must have a length of at most {max}");
                error.max = signed(max);
            }
            Self::OverLimit(max) => {
                error.code = "max_length";
                error.message = format!("{name} must have a length of at most {max}");
                error.max = signed(max);
            }
        }
        error
    }
}
