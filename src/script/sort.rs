//! Sorting as Java does it: stable, and below 32 elements in exactly its steps, so that even a comparator that
//! contradicts itself gives the same order. Longer lists are merged.

use super::error::Result;
use super::run::Machine;
use super::value::Value;

type Compare<'c, 'm> = &'c mut dyn FnMut(&mut Machine<'m>, Value, Value) -> Result<i32>;

pub(super) fn sort<'m>(machine: &mut Machine<'m>, items: &mut Vec<Value>, compare: Compare<'_, 'm>) -> Result<()> {
    if items.len() < 32 {
        return insertion(machine, items, compare);
    }
    let mut right = items.split_off(items.len() / 2);
    sort(machine, items, compare)?;
    sort(machine, &mut right, compare)?;
    let mut merged = Vec::with_capacity(items.len() + right.len());
    let (mut i, mut j) = (0, 0);
    while i < items.len() && j < right.len() {
        machine.heap.work(1)?;
        if compare(machine, right[j], items[i])? < 0 {
            merged.push(right[j]);
            j += 1;
        } else {
            merged.push(items[i]);
            i += 1;
        }
    }
    merged.extend_from_slice(&items[i..]);
    merged.extend_from_slice(&right[j..]);
    *items = merged;
    Ok(())
}

/// A first run that is in order already (or in reverse), then each element at its place by binary search.
fn insertion<'m>(machine: &mut Machine<'m>, items: &mut [Value], compare: Compare<'_, 'm>) -> Result<()> {
    if items.len() < 2 {
        return Ok(());
    }
    let falling = compare(machine, items[1], items[0])? < 0;
    let mut run = 2;
    while run < items.len() && (compare(machine, items[run], items[run - 1])? < 0) == falling {
        run += 1;
    }
    if falling {
        items[..run].reverse();
    }
    for next in run..items.len() {
        let item = items[next];
        let (mut low, mut high) = (0, next);
        while low < high {
            let middle = (low + high) / 2;
            if compare(machine, item, items[middle])? < 0 {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        items[low..=next].rotate_right(1);
    }
    Ok(())
}
