//! Vigilmon's protocol: code generated from the `.proto` files, and conversions between messages
//! and the domain.
//!
//! Wire types stop at the door: what is absent, unknown or malformed in a message is refused when
//! it is converted, and nothing behind that sees an `Option` that must not be empty.

pub mod convert;
pub mod limits;

/// The protocol between agents and coordinator, and the public API.
pub mod v1 {
    #![allow(
        missing_docs,
        unreachable_pub,
        clippy::allow_attributes_without_reason,
        clippy::large_enum_variant,
        clippy::doc_markdown,
        reason = "generated code"
    )]
    tonic::include_proto!("vigilmon.v1");
}

/// What the coordinator's stores keep.
pub mod store {
    /// The first layout of stored records.
    pub mod v1 {
        #![allow(
            missing_docs,
            unreachable_pub,
            clippy::allow_attributes_without_reason,
            clippy::large_enum_variant,
            clippy::doc_markdown,
            reason = "generated code"
        )]
        tonic::include_proto!("vigilmon.store.v1");
    }
}

/// The encoded `FileDescriptorSet` of the public packages, for reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] =
    include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.binpb"));
