//! Unsigned integers of any size, as far as writing decimals needs them.

/// An unsigned integer of any size, lowest part first.
#[derive(Clone)]
pub(super) struct Big(Vec<u32>);

impl Big {
    pub(super) fn new(start: u64, fives: i32, twos: i32) -> Big {
        let mut big = Big(vec![start as u32, (start >> 32) as u32]);
        for _ in 0..fives {
            big.times(5);
        }
        let mut shifted = vec![0; (twos / 32) as usize];
        big.times(1 << (twos % 32));
        shifted.append(&mut big.0);
        Big(shifted)
    }

    pub(super) fn times(&mut self, factor: u32) {
        let mut carry = 0;
        for part in &mut self.0 {
            carry += u64::from(*part) * u64::from(factor);
            *part = carry as u32;
            carry >>= 32;
        }
        if carry > 0 {
            self.0.push(carry as u32);
        }
    }

    fn part(&self, index: usize) -> u32 {
        self.0.get(index).copied().unwrap_or(0)
    }

    pub(super) fn add(&mut self, other: &Big) {
        let mut carry = 0;
        for index in 0..=self.0.len().max(other.0.len()) {
            carry += u64::from(self.part(index)) + u64::from(other.part(index));
            if index == self.0.len() {
                self.0.push(0);
            }
            self.0[index] = carry as u32;
            carry >>= 32;
        }
    }

    pub(super) fn subtract(&mut self, other: &Big) {
        let mut borrow = 0;
        for index in 0..self.0.len() {
            let difference = i64::from(self.0[index]) - i64::from(other.part(index)) - borrow;
            borrow = i64::from(difference < 0);
            self.0[index] = difference as u32;
        }
    }

    pub(super) fn compare(&self, other: &Big) -> std::cmp::Ordering {
        let length = self.0.len().max(other.0.len());
        (0..length)
            .rev()
            .map(|index| self.part(index).cmp(&other.part(index)))
            .find(|found| found.is_ne())
            .unwrap_or(std::cmp::Ordering::Equal)
    }
}
