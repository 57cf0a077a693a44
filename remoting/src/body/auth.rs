//! Users and what they may do.

use super::bodies;

bodies! {
    /// One user. Absent members are left as they are, or get their defaults.
    #[derive(Default)]
    UserInfo {
        username: Option<String>,
        password: Option<String>,
        user_type: Option<String>,
        user_status: Option<String>,
    }

    /// What one subject may do.
    #[derive(Default)]
    AclInfo {
        subject: Option<String>,
        policies: Vec<PolicyInfo>,
    }

    /// Entries of one rank.
    #[derive(Default)]
    PolicyInfo {
        policy_type: Option<String>,
        entries: Vec<PolicyEntryInfo>,
    }

    /// What is allowed or denied on one resource.
    #[derive(Default)]
    PolicyEntryInfo {
        resource: Option<String>,
        actions: Vec<String>,
        source_ips: Option<Vec<String>>,
        decision: Option<String>,
    }
}
