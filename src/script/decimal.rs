//! Doubles and floats as text the way Java 17 writes them. Its digits are not always the shortest ones (2^-44 has one
//! more), and a script can see them by joining a number to a text, so its algorithm is followed step by step:
//! digits of B/S are made until the rest is below M, half the distance to the next number.

use super::big::Big;

/// Bits of 5^n, for deciding whether machine integers are wide enough.
const BITS_OF_FIVES: [i32; 27] =
    [0, 3, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28, 31, 33, 35, 38, 40, 42, 45, 47, 49, 52, 54, 56, 59, 61];

const FRACTION_BITS: i32 = 52;

pub(super) fn double_text(value: f64) -> String {
    let bits = value.to_bits();
    let fraction = bits & ((1 << 52) - 1);
    let exponent = ((bits >> 52) & 0x7ff) as i32;
    named(value).unwrap_or_else(|| {
        let (fraction, exponent, significant) = normalize(fraction, exponent, 52);
        sign(value) + &digits(fraction, exponent - 1023, significant)
    })
}

pub(super) fn float_text(value: f32) -> String {
    let bits = value.to_bits();
    let fraction = u64::from(bits & ((1 << 23) - 1));
    let exponent = ((bits >> 23) & 0xff) as i32;
    named(f64::from(value)).unwrap_or_else(|| {
        let (fraction, exponent, significant) = normalize(fraction, exponent, 23);
        sign(f64::from(value)) + &digits(fraction << 29, exponent - 127, significant)
    })
}

fn sign(value: f64) -> String {
    if value.is_sign_negative() { "-".to_string() } else { String::new() }
}

fn named(value: f64) -> Option<String> {
    let name = if value.is_nan() {
        "NaN"
    } else if value.is_infinite() {
        if value > 0.0 { "Infinity" } else { "-Infinity" }
    } else if value == 0.0 {
        if value.is_sign_negative() { "-0.0" } else { "0.0" }
    } else {
        return None;
    };
    Some(name.to_string())
}

/// The fraction with its leading one, the exponent, and how many bits of the fraction are significant.
fn normalize(fraction: u64, exponent: i32, width: i32) -> (u64, i32, i32) {
    if exponent != 0 {
        return (fraction | 1 << width, exponent, width + 1);
    }
    let leading = fraction.leading_zeros() as i32;
    let shift = leading - (63 - width);
    (fraction << shift, 1 - shift, 64 - leading)
}

fn digits(fraction: u64, binary_exponent: i32, significant: i32) -> String {
    let tail = fraction.trailing_zeros() as i32;
    let fraction_bits = FRACTION_BITS + 1 - tail;
    let tiny = (fraction_bits - binary_exponent - 1).max(0);
    if tiny == 0 && (-21..=62).contains(&binary_exponent) && fraction_bits < 64 {
        return whole(fraction, binary_exponent, significant);
    }
    let decimal = estimate(fraction, binary_exponent);
    let fives = (-decimal).max(0);
    let mut b2 = fives + tiny + binary_exponent;
    let s5 = decimal.max(0);
    let mut s2 = s5 + tiny;
    let mut m2 = b2 - significant;
    b2 -= fraction_bits - 1;
    let common = b2.min(s2);
    b2 -= common;
    s2 -= common;
    m2 -= common;
    if fraction_bits == 1 {
        m2 -= 1;
    }
    if m2 < 0 {
        b2 -= m2;
        s2 -= m2;
        m2 = 0;
    }
    let bits_of = |power: i32| BITS_OF_FIVES.get(power as usize).copied().unwrap_or(power * 3);
    let b_bits = fraction_bits + b2 + bits_of(fives);
    let s_bits = s2 + 1 + bits_of(s5 + 1);
    let fraction = fraction >> tail;
    match b_bits.max(s_bits) {
        ..64 => Narrow::new((fraction, fives, b2), (s5, s2), (fives, m2), b_bits.max(s_bits) < 32).develop(decimal),
        _ => {
            let (s, tens) = (Big::new(1, s5, s2), Big::new(10, s5, s2));
            let wide = Wide { b: Big::new(fraction, fives, b2), s, m: Big::new(1, fives, m2), tens };
            wide.develop(decimal)
        }
    }
}

/// An integer below 2^63: exact but for the digits that its last bits cannot tell.
fn whole(fraction: u64, binary_exponent: i32, significant: i32) -> String {
    let mut value = if binary_exponent >= FRACTION_BITS {
        fraction << (binary_exponent - FRACTION_BITS)
    } else {
        fraction >> (FRACTION_BITS - binary_exponent)
    };
    let uncertain_bits = binary_exponent - significant - 1;
    let mut uncertain = 0;
    if uncertain_bits > 1 {
        // floor(bits * log10(2)) with Java's table, which counts from 2^4.
        uncertain = INSIGNIFICANT[uncertain_bits.min(63) as usize];
    }
    let mut exponent = 0;
    if uncertain > 0 {
        let power = 10_u64.pow(uncertain);
        value = value / power + u64::from(value % power >= power / 2);
        exponent += uncertain as i32;
    }
    while value.is_multiple_of(10) {
        value /= 10;
        exponent += 1;
    }
    let digits = value.to_string();
    layout(&digits, digits.len() as i32 + exponent)
}

const INSIGNIFICANT: [u32; 64] = [
    0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6, 6, 6, 7, 7, 7, 8, 8, 8, 9, 9, 9, 9, 10, 10, 10,
    11, 11, 11, 12, 12, 12, 12, 13, 13, 13, 14, 14, 14, 15, 15, 15, 15, 16, 16, 16, 17, 17, 17, 18, 18, 18, 19,
];

/// floor(log10(value)), at most one too high.
fn estimate(fraction: u64, binary_exponent: i32) -> i32 {
    let near_one = f64::from_bits((1023 << 52) | (fraction & ((1 << 52) - 1)));
    let log =
        (near_one - 1.5) * 0.289529654 + 0.176091259 + f64::from(binary_exponent) * (301_029_995_663_981.0 / 1e15);
    log.floor() as i32
}

/// One digit after another: what both widths of arithmetic share.
trait Digits: Sized {
    /// The next digit, and whether what is left is close enough to the lower or the upper end.
    fn step(&mut self, first: bool) -> (u8, bool, bool);

    /// What is left, against half a digit.
    fn against_tie(&mut self) -> std::cmp::Ordering;

    fn develop(mut self, mut decimal: i32) -> String {
        let mut digits = Vec::new();
        let (first, mut low, mut high) = self.step(true);
        if first == 0 && !high {
            decimal -= 1;
        } else {
            digits.push(b'0' + first);
        }
        if !(-3..8).contains(&decimal) {
            (low, high) = (false, false);
        }
        while !low && !high {
            let digit;
            (digit, low, high) = self.step(false);
            digits.push(b'0' + digit);
        }
        let odd = digits.last().is_some_and(|digit| digit & 1 == 1);
        let tie = self.against_tie();
        if high && (!low || tie.is_gt() || (tie.is_eq() && odd)) {
            decimal += round_up(&mut digits);
        }
        layout(&String::from_utf8_lossy(&digits), decimal + 1)
    }
}

/// Java's ints or longs, with their overflow.
struct Narrow {
    b: i64,
    s: i64,
    m: i64,
    tens: i64,
    short: bool,
}

impl Narrow {
    fn new(b: (u64, i32, i32), s: (i32, i32), m: (i32, i32), short: bool) -> Narrow {
        let scaled = |start: i64, fives: i32, twos: i32| {
            start.wrapping_mul(5_i64.wrapping_pow(fives as u32)).wrapping_shl(twos as u32)
        };
        let mut made = Narrow { b: 0, s: 0, m: 0, tens: 0, short };
        made.b = made.wrap(scaled(b.0 as i64, b.1, b.2));
        made.s = made.wrap(scaled(1, s.0, s.1));
        made.m = made.wrap(scaled(1, m.0, m.1));
        made.tens = made.wrap(made.s.wrapping_mul(10));
        made
    }

    fn wrap(&self, value: i64) -> i64 {
        if self.short { i64::from(value as i32) } else { value }
    }
}

impl Digits for Narrow {
    fn step(&mut self, first: bool) -> (u8, bool, bool) {
        let digit = self.b / self.s;
        self.b = self.wrap((self.b % self.s).wrapping_mul(10));
        self.m = self.wrap(self.m.wrapping_mul(10));
        if !first && self.m <= 0 {
            return (digit as u8, true, true);
        }
        (digit as u8, self.b < self.m, self.wrap(self.b.wrapping_add(self.m)) > self.tens)
    }

    fn against_tie(&mut self) -> std::cmp::Ordering {
        self.wrap(self.wrap(self.b.wrapping_shl(1)).wrapping_sub(self.tens)).cmp(&0)
    }
}

/// Integers of any size, and Java's slightly different test for the upper end.
struct Wide {
    b: Big,
    s: Big,
    m: Big,
    tens: Big,
}

impl Digits for Wide {
    fn step(&mut self, _first: bool) -> (u8, bool, bool) {
        let mut digit = 0;
        while self.b.compare(&self.s).is_ge() {
            self.b.subtract(&self.s);
            digit += 1;
        }
        self.b.times(10);
        self.m.times(10);
        let mut sum = self.b.clone();
        sum.add(&self.m);
        (digit, self.b.compare(&self.m).is_lt(), sum.compare(&self.tens).is_ge())
    }

    fn against_tie(&mut self) -> std::cmp::Ordering {
        self.b.times(2);
        self.b.compare(&self.tens)
    }
}

/// Adds one to the last digit; 1 if the number grew by a digit.
fn round_up(digits: &mut [u8]) -> i32 {
    for digit in digits.iter_mut().rev() {
        if *digit != b'9' {
            *digit += 1;
            return 0;
        }
        *digit = b'0';
    }
    digits[0] = b'1';
    1
}

/// `point` is the place of the decimal point, counted from the first digit.
fn layout(digits: &str, point: i32) -> String {
    let count = digits.len() as i32;
    if (1..8).contains(&point) {
        if count <= point {
            return format!("{digits}{}.0", "0".repeat((point - count) as usize));
        }
        let (whole, fraction) = digits.split_at(point as usize);
        return format!("{whole}.{fraction}");
    }
    if (-2..=0).contains(&point) {
        return format!("0.{}{digits}", "0".repeat(-point as usize));
    }
    let (first, rest) = digits.split_at(1);
    format!("{first}.{}E{}", if rest.is_empty() { "0" } else { rest }, point - 1)
}
