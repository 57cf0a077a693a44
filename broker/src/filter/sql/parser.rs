//! Reads the grammar by recursive descent; what can be put together is decided by [`Term`]. The grammar is the one of Apache's
//! `SelectorParser`:
//!
//! ```text
//! any        = all { OR all }
//! all        = equality { AND equality }
//! equality   = comparison { ("=" | "<>") comparison | IS [NOT] NULL }
//! comparison = unary { (">" | ">=" | "<" | "<=") unary
//!                    | [NOT] (CONTAINS | STARTSWITH | ENDSWITH) string
//!                    | [NOT] BETWEEN unary AND unary
//!                    | [NOT] IN "(" string { "," string } ")" }
//! unary      = ("+" | "-" | NOT) unary | string | number | TRUE | FALSE | NULL | property | "(" any ")"
//! ```

use super::fault::Fault;
use super::lexer::{Lexer, Token};
use super::node::{Node, Order, Place};
use super::term::Term;
use super::{MAX_BYTES, MAX_DEPTH};

/// Reads an expression. What follows a complete condition is ignored.
pub(super) fn parse(text: &str) -> Result<Node, Fault> {
    if text.len() > MAX_BYTES {
        let length = text.len();
        let message = format!("the expression has {length} bytes, more than the {MAX_BYTES} allowed");
        return Err(Fault::at(0, message));
    }
    let mut parser = Parser { lexer: Lexer::new(text), token: Token::End, offset: 0, depth: 0 };
    parser.advance()?;
    Ok(parser.any()?.into_condition()?.into_node())
}

struct Parser<'t> {
    lexer: Lexer<'t>,
    /// The word to be read next.
    token: Token<'t>,
    /// Where that word begins, in bytes.
    offset: usize,
    /// How many signs, `NOT`s and brackets are open.
    depth: usize,
}

impl Parser<'_> {
    /// Steps over the word to be read next.
    fn advance(&mut self) -> Result<(), Fault> {
        (self.token, self.offset) = self.lexer.next()?;
        Ok(())
    }

    /// Steps over the word to be read next if it is this one.
    fn take(&mut self, token: Token<'_>) -> Result<bool, Fault> {
        let is_next = self.token == token;
        if is_next {
            self.advance()?;
        }
        Ok(is_next)
    }

    /// Steps over the word to be read next, which must be this one.
    fn expect(&mut self, token: Token<'_>, name: &str) -> Result<(), Fault> {
        if self.take(token)? {
            return Ok(());
        }
        Err(self.unexpected(name))
    }

    /// Says what is missing where the word to be read next stands.
    fn unexpected(&self, expected: &str) -> Fault {
        let message = match self.token {
            Token::End => format!("{expected} is missing at the end"),
            _ => format!("{expected} is expected here"),
        };
        Fault::at(self.offset, message)
    }

    fn any(&mut self) -> Result<Term, Fault> {
        self.connected(Token::Or, Self::all, Node::Any)
    }

    fn all(&mut self) -> Result<Term, Fault> {
        self.connected(Token::And, Self::equality, Node::All)
    }

    /// Reads one part, or several with a word between them.
    fn connected(
        &mut self,
        word: Token<'_>,
        part: fn(&mut Self) -> Result<Term, Fault>,
        connected: fn(Box<[Node]>) -> Node,
    ) -> Result<Term, Fault> {
        let first = part(self)?;
        if self.token != word {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.take(word)? {
            parts.push(part(self)?);
        }
        Term::connect(parts, connected)
    }

    fn equality(&mut self) -> Result<Term, Fault> {
        let mut left = self.comparison()?;
        loop {
            let negated = match self.token {
                Token::Is => {
                    left = self.absence(left)?;
                    continue;
                }
                Token::Equal => false,
                Token::NotEqual => true,
                _ => return Ok(left),
            };
            self.advance()?;
            left = left.equal(self.comparison()?, negated)?;
        }
    }

    /// Reads `IS [NOT] NULL` behind a part.
    fn absence(&mut self, subject: Term) -> Result<Term, Fault> {
        self.advance()?;
        let negated = self.take(Token::Not)?;
        let expected = if negated { "NULL" } else { "NULL or NOT NULL" };
        self.expect(Token::Null, expected)?;
        subject.absent(negated)
    }

    fn comparison(&mut self) -> Result<Term, Fault> {
        let mut left = self.unary()?;
        loop {
            let order = match self.token {
                Token::Greater => Order::Greater,
                Token::GreaterEqual => Order::GreaterEqual,
                Token::Less => Order::Less,
                Token::LessEqual => Order::LessEqual,
                Token::Not | Token::Contains | Token::StartsWith | Token::EndsWith | Token::Between | Token::In => {
                    left = self.predicate(left)?;
                    continue;
                }
                _ => return Ok(left),
            };
            self.advance()?;
            left = left.ordered(order, self.unary()?)?;
        }
    }

    /// Reads what is written in words behind a value: a search, a range or a list, or the opposite of one.
    fn predicate(&mut self, subject: Term) -> Result<Term, Fault> {
        let negated = self.take(Token::Not)?;
        let place = match self.token {
            Token::Contains => Place::Anywhere,
            Token::StartsWith => Place::Start,
            Token::EndsWith => Place::End,
            Token::Between => return self.range(subject, negated),
            Token::In => return self.list(subject, negated),
            _ => return Err(self.unexpected("CONTAINS, STARTSWITH, ENDSWITH, BETWEEN or IN")),
        };
        self.advance()?;
        subject.search(place, self.text()?, negated)
    }

    /// Reads `BETWEEN low AND high` behind a value.
    fn range(&mut self, subject: Term, negated: bool) -> Result<Term, Fault> {
        self.advance()?;
        let low = self.unary()?;
        self.expect(Token::And, "AND with the upper bound")?;
        let high = self.unary()?;
        subject.between(low, high, negated)
    }

    /// Reads `IN (string, …)` behind a property.
    fn list(&mut self, subject: Term, negated: bool) -> Result<Term, Fault> {
        self.advance()?;
        self.expect(Token::Open, "a (")?;
        let mut texts = vec![self.text()?];
        while self.take(Token::Comma)? {
            texts.push(self.text()?);
        }
        self.expect(Token::Close, "a comma or a )")?;
        subject.one_of(texts, negated)
    }

    /// Reads a string.
    fn text(&mut self) -> Result<Box<str>, Fault> {
        let Token::Text(quoted) = self.token else {
            return Err(self.unexpected("a string"));
        };
        self.advance()?;
        Ok(unquoted(quoted))
    }

    fn unary(&mut self) -> Result<Term, Fault> {
        let offset = self.offset;
        if self.depth == MAX_DEPTH {
            return Err(Fault::too_deep(offset));
        }
        self.depth += 1;
        let term = match self.token {
            Token::Plus => {
                self.advance()?;
                self.unary()?
            }
            Token::Minus => {
                self.advance()?;
                self.unary()?.negate()?
            }
            Token::Not => {
                self.advance()?;
                self.unary()?.not()?
            }
            Token::Open => {
                self.advance()?;
                let inside = self.any()?;
                self.expect(Token::Close, "a )")?;
                inside
            }
            _ => self.leaf()?,
        };
        self.depth -= 1;
        Ok(term.from(offset))
    }

    /// Reads a property or a constant.
    fn leaf(&mut self) -> Result<Term, Fault> {
        let offset = self.offset;
        let leaf = |node| Ok(Term::leaf(offset, node));
        let term = match self.token {
            Token::Name(name) => leaf(Node::Property(name.into())),
            Token::Text(quoted) => leaf(Node::Text(unquoted(quoted))),
            Token::Whole(digits) => Term::whole(offset, digits),
            Token::Decimal(digits) => Term::decimal(offset, digits),
            Token::True => leaf(Node::Boolean(true)),
            Token::False => leaf(Node::Boolean(false)),
            Token::Null => leaf(Node::Null),
            _ => Err(self.unexpected("a property, a string, a number or a condition")),
        }?;
        self.advance()?;
        Ok(term)
    }
}

/// The string behind its quoted form.
fn unquoted(quoted: &str) -> Box<str> {
    quoted.replace("''", "'").into_boxed_str()
}
