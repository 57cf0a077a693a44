//! Users and what they may do (3001 to 3010).

headers! {
    /// AUTH_CREATE_USER, AUTH_UPDATE_USER, AUTH_DELETE_USER, AUTH_GET_USER (3001 to 3004).
    UserRequest<'a> {
        username: Option<&'a str> = "username",
    }

    /// AUTH_LIST_USER (3005).
    ListUsersRequest<'a> {
        /// A part of the names wanted.
        filter: Option<&'a str> = "filter",
    }

    /// AUTH_CREATE_ACL, AUTH_UPDATE_ACL, AUTH_GET_ACL (3006, 3007, 3009).
    AclRequest<'a> {
        /// `User:NAME`.
        subject: Option<&'a str> = "subject",
    }

    /// AUTH_DELETE_ACL (3008).
    DeleteAclRequest<'a> {
        subject: Option<&'a str> = "subject",
        policy_type: Option<&'a str> = "policyType",
        /// Absent: everything of the subject.
        resource: Option<&'a str> = "resource",
    }

    /// AUTH_LIST_ACL (3010).
    ListAclsRequest<'a> {
        /// A part of the subjects wanted.
        subject_filter: Option<&'a str> = "subjectFilter",
        /// A part of the resources wanted.
        resource_filter: Option<&'a str> = "resourceFilter",
    }
}
