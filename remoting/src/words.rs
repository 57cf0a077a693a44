//! Enums whose values have names that people write: in configuration, policies and rules.

/// Defines an enum whose values have names, which are read in any case. It can be the type of a configuration key.
#[macro_export]
macro_rules! words {
    (
        $(#[$about:meta])*
        $visibility:vis enum $Word:ident { $( $(#[$doc:meta])* $variant:ident = $name:literal, )+ }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $visibility enum $Word { $( $(#[$doc])* $variant, )+ }

        impl $Word {
            /// The value with this name.
            $visibility fn named(name: &str) -> Option<Self> {
                [$(($name, Self::$variant)),+]
                    .into_iter()
                    .find_map(|(known, value)| known.eq_ignore_ascii_case(name).then_some(value))
            }

            /// The name.
            $visibility fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }

        impl $crate::keys::Value for $Word {
            const ALLOWED: $crate::keys::Allowed = $crate::keys::Allowed::Word(&[$($name),+]);

            fn parse(text: &str, _: &$crate::keys::Allowed) -> Option<Self> {
                Self::named(text)
            }

            fn print(&self) -> String {
                self.name().to_owned()
            }
        }
    };
}
