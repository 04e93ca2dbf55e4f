use super::jsonl::Lines;
use super::*;
pub struct Arrays;
impl Arrays {
    pub(super) fn new(_: Lines, _: &CsvOptions) -> Arrays {
        Arrays
    }
}
impl Reader for Arrays {
    fn next(&mut self) -> Result<Step<'_>, Broken> {
        Ok(Step::End)
    }
    fn empty(&self) -> u64 {
        0
    }
}
