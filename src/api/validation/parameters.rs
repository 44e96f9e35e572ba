//! What stands in the query of an address.

use actix_web::web::Query;

/// Names and values, decoded. One that cannot be decoded holds nothing.
#[derive(Debug, Default)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(crate) fn of(query: &str) -> Self {
        let pairs = Query::<Vec<(String, String)>>::from_query(query);
        Self(pairs.map(Query::into_inner).unwrap_or_default())
    }

    /// The last value of that name.
    pub(crate) fn find(&self, name: &str) -> Option<&str> {
        let mut pairs = self.0.iter().rev();
        pairs.find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}
