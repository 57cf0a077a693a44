//! The macro that makes a typed header out of a list of fields and their names on the wire.

/// Defines header structs. Each field is `name: Type = "wireName"`, or `… or DEFAULT` when it may be
/// absent; documentation may precede it, and its name on the wire is added to that.
macro_rules! headers {
    ($(
        $(#[$meta:meta])*
        $name:ident $(<$life:lifetime>)? {
            $($(#[$field_meta:meta])* $field:ident: $type:ty = $wire:literal $(or $default:expr)?,)*
        }
    )*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name $(<$life>)? {
            $(
                $(#[$field_meta])*
                #[doc = concat!("`", $wire, "` on the wire.")]
                pub $field: $type,
            )*
        }

        impl $(<$life>)? $name $(<$life>)? {
            /// Reads the header's fields; others are ignored.
            pub fn decode(
                fields: &$crate::fields::Fields $(<$life>)?,
            ) -> Result<Self, $crate::fields::FieldError> {
                decode_fields!(fields, $($field: $type = $wire $(or $default)?,)*)
            }
        }

        impl $(<$life>)? $crate::field_writer::FieldSource for $name $(<$life>)? {
            fn write_fields(&self, out: &mut $crate::field_writer::FieldWriter<'_>) {
                $($crate::fields::FieldValue::write(&self.$field, $wire, out);)*
            }
        }
    )*};
}

/// The body of a `decode`: one pass over the fields, then one conversion for each that was found.
macro_rules! decode_fields {
    ($fields:ident, $($field:ident: $type:ty = $wire:literal $(or $default:expr)?,)*) => {{
        $(let mut $field = None;)*
        for (name, value) in $fields.iter() {
            match name {
                $($wire => $field = value,)*
                _ => {}
            }
        }
        Ok(Self { $($field: decode_field!($type, $wire, $field $(, $default)?),)* })
    }};
}

/// One conversion of [`decode_fields`].
macro_rules! decode_field {
    ($type:ty, $wire:literal, $text:ident) => {
        <$type as $crate::fields::FieldValue>::decode($wire, $text)?
    };
    ($type:ty, $wire:literal, $text:ident, $default:expr) => {
        <Option<$type> as $crate::fields::FieldValue>::decode($wire, $text)?.unwrap_or($default)
    };
}

/// Gives a header a second set of names on the wire: a decoder of that name, and a wrapper that writes
/// them.
macro_rules! other_names {
    (
        $(#[$meta:meta])*
        $wrapper:ident, $decode:ident for $name:ident {
            $($field:ident: $type:ty = $wire:literal $(or $default:expr)?,)*
        }
    ) => {
        impl<'a> $name<'a> {
            /// Reads the header from its short names.
            pub fn $decode(
                fields: &$crate::fields::Fields<'a>,
            ) -> Result<Self, $crate::fields::FieldError> {
                decode_fields!(fields, $($field: $type = $wire $(or $default)?,)*)
            }
        }

        $(#[$meta])*
        #[derive(Clone, Copy, Debug)]
        pub struct $wrapper<'h, 'a>(pub &'h $name<'a>);

        impl $crate::field_writer::FieldSource for $wrapper<'_, '_> {
            fn write_fields(&self, out: &mut $crate::field_writer::FieldWriter<'_>) {
                $($crate::fields::FieldValue::write(&self.0.$field, $wire, out);)*
            }
        }
    };
}
