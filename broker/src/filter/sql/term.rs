//! What an expression is put together from while it is being read. Here is refused what the grammar allows but what makes no sense
//! whatever the message: order among anything but numbers, values where conditions are needed, numbers out of range.

use super::MAX_DEPTH;
use super::fault::Fault;
use super::node::{Node, Order, Place, Search};
use super::number::Number;

/// A part of an expression.
#[derive(Debug)]
pub(super) struct Term {
    node: Node,
    /// Where it begins, in bytes.
    offset: usize,
    /// How many nodes lie above one another in it.
    height: usize,
}

impl Term {
    /// A property or a constant.
    pub(super) fn leaf(offset: usize, node: Node) -> Self {
        Term { node, offset, height: 1 }
    }

    /// A whole number: of 32 bits if it fits, else of 64. A final `L` means nothing.
    pub(super) fn whole(offset: usize, digits: &str) -> Result<Self, Fault> {
        let Ok(long) = digits.trim_end_matches(['l', 'L']).parse::<i64>() else {
            let message = format!("this number is above {}, the largest allowed", i64::MAX);
            return Err(Fault::at(offset, message));
        };
        let number = i32::try_from(long).map_or(Number::Long(long), Number::Integer);
        Ok(Term::leaf(offset, Node::Number(number)))
    }

    /// A number with a point or an exponent. As with Apache, zero is refused with all that is too small for a double.
    pub(super) fn decimal(offset: usize, digits: &str) -> Result<Self, Fault> {
        let double = digits.parse().unwrap_or(f64::INFINITY);
        if double == f64::INFINITY {
            let message = format!("this number is above {:e}, the largest allowed", f64::MAX);
            return Err(Fault::at(offset, message));
        }
        if double == 0.0 {
            let message = "this number is too small: write 0 for zero";
            return Err(Fault::at(offset, message));
        }
        Ok(Term::leaf(offset, Node::Number(Number::Double(double))))
    }

    /// The finished expression.
    pub(super) fn into_node(self) -> Node {
        self.node
    }

    /// The same part, which begins earlier than what it was made of: with a bracket or a sign.
    pub(super) fn from(self, offset: usize) -> Self {
        Term { offset, ..self }
    }

    /// Puts a node above parts of which the highest has this height.
    fn above(height: usize, offset: usize, node: Node) -> Result<Self, Fault> {
        if height >= MAX_DEPTH {
            return Err(Fault::too_deep(offset));
        }
        Ok(Term { node, offset, height: height + 1 })
    }

    /// Puts one node above this part.
    fn wrap(self, above: impl FnOnce(Node) -> Node) -> Result<Self, Fault> {
        Term::above(self.height, self.offset, above(self.node))
    }

    /// Takes it as a condition.
    pub(super) fn into_condition(self) -> Result<Self, Fault> {
        let node = match self.node {
            Node::Property(name) => Node::Condition(name),
            node if node.is_condition() => node,
            _ => {
                let message = "this is a value where a condition is needed";
                return Err(Fault::at(self.offset, message));
            }
        };
        Ok(Term { node, ..self })
    }

    /// Takes it as something that is compared by order.
    fn into_comparable(self) -> Result<Self, Fault> {
        if self.node.is_condition() || matches!(self.node, Node::Text(_)) {
            let message = "only numbers and properties can be compared by order";
            return Err(Fault::at(self.offset, message));
        }
        Ok(self)
    }

    /// With the sign changed.
    pub(super) fn negate(self) -> Result<Self, Fault> {
        self.wrap(|node| Node::Negated(Box::new(node)))
    }

    /// The opposite condition.
    pub(super) fn not(self) -> Result<Self, Fault> {
        self.into_condition()?.wrap(|node| Node::Not(Box::new(node)))
    }

    /// The opposite if `negated`, else the same condition.
    fn negated(self, negated: bool) -> Result<Self, Fault> {
        if negated { self.not() } else { Ok(self) }
    }

    /// Several conditions as one.
    pub(super) fn connect(parts: Vec<Term>, connected: fn(Box<[Node]>) -> Node) -> Result<Self, Fault> {
        let (mut height, offset) = (0, parts.first().map_or(0, |first| first.offset));
        let mut nodes = Vec::with_capacity(parts.len());
        for part in parts {
            let condition = part.into_condition()?;
            height = height.max(condition.height);
            nodes.push(condition.node);
        }
        Term::above(height, offset, connected(nodes.into_boxed_slice()))
    }

    /// `=`, or `<>` if `negated`.
    pub(super) fn equal(self, right: Term, negated: bool) -> Result<Self, Fault> {
        for side in [&self, &right] {
            if side.node == Node::Null {
                let message = "NULL cannot be compared: write IS NULL or IS NOT NULL";
                return Err(Fault::at(side.offset, message));
            }
        }
        // A number with a sign is let through, and then never equal.
        let is_truth = matches!(self.node, Node::Boolean(_));
        if is_truth && matches!(right.node, Node::Text(_) | Node::Number(_)) {
            let message = "this cannot be compared with TRUE or FALSE";
            return Err(Fault::at(right.offset, message));
        }
        let height = self.height.max(right.height);
        let pair = Box::new([self.node, right.node]);
        Term::above(height, self.offset, Node::Equal(pair))?.negated(negated)
    }

    /// `IS NULL`, or `IS NOT NULL` if `negated`.
    pub(super) fn absent(self, negated: bool) -> Result<Self, Fault> {
        self.wrap(|node| Node::Absent(Box::new(node)))?.negated(negated)
    }

    /// `>` and its like.
    pub(super) fn ordered(self, order: Order, right: Term) -> Result<Self, Fault> {
        let (left, right) = (self.into_comparable()?, right.into_comparable()?);
        let height = left.height.max(right.height);
        let pair = Box::new([left.node, right.node]);
        Term::above(height, left.offset, Node::Order(order, pair))
    }

    /// `BETWEEN`, or `NOT BETWEEN` if `negated`.
    pub(super) fn between(self, low: Term, high: Term, negated: bool) -> Result<Self, Fault> {
        let subject = self.into_comparable()?;
        let (low, high) = (low.into_comparable()?, high.into_comparable()?);
        // As with Apache, only bounds without a sign are checked, and not those of NOT BETWEEN.
        if let (false, Node::Number(least), Node::Number(most)) = (negated, &low.node, &high.node)
            && most.compare(*least).is_lt()
        {
            let message = "the lower bound is above the upper one";
            return Err(Fault::at(low.offset, message));
        }
        let height = subject.height.max(low.height).max(high.height);
        let bounded = Box::new([subject.node, low.node, high.node]);
        Term::above(height, subject.offset, Node::Between(bounded))?.negated(negated)
    }

    /// `IN`, or `NOT IN` if `negated`.
    pub(super) fn one_of(self, mut texts: Vec<Box<str>>, negated: bool) -> Result<Self, Fault> {
        let Node::Property(name) = self.node else {
            let message = "only a property can be looked for with IN";
            return Err(Fault::at(self.offset, message));
        };
        texts.sort_unstable();
        texts.dedup();
        let list = Node::OneOf(name, texts.into_boxed_slice());
        Term::leaf(self.offset, list).negated(negated)
    }

    /// `CONTAINS` and its like, or their opposites if `negated`.
    pub(super) fn search(self, place: Place, text: Box<str>, negated: bool) -> Result<Self, Fault> {
        self.wrap(|subject| Node::Search(Box::new(Search { subject, place, text, wanted: !negated })))
    }
}
