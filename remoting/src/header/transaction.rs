//! Ending transactions and asking how they ended.

headers! {
    /// END_TRANSACTION (37), mostly oneway.
    EndTransactionRequest<'a> {
        topic: Option<&'a str> = "topic",
        producer_group: &'a str = "producerGroup",
        /// Queue offset of the half message.
        tran_state_table_offset: i64 = "tranStateTableOffset",
        /// Physical offset of the half message.
        commit_log_offset: i64 = "commitLogOffset",
        /// [`EndTransactionRequest::COMMIT`], [`EndTransactionRequest::ROLLBACK`] or 0 (unknown).
        commit_or_rollback: i32 = "commitOrRollback",
        /// This is the answer to a check.
        from_transaction_check: bool = "fromTransactionCheck" or false,
        msg_id: &'a str = "msgId",
        transaction_id: Option<&'a str> = "transactionId",
    }

    /// CHECK_TRANSACTION_STATE (39), oneway towards a producer. The body is the half message.
    CheckTransactionStateRequest<'a> {
        topic: Option<&'a str> = "topic",
        tran_state_table_offset: i64 = "tranStateTableOffset",
        commit_log_offset: i64 = "commitLogOffset",
        msg_id: Option<&'a str> = "msgId",
        transaction_id: Option<&'a str> = "transactionId",
        offset_msg_id: Option<&'a str> = "offsetMsgId",
        broker_name: Option<&'a str> = "bname",
    }

    /// RESUME_CHECK_HALF_MESSAGE (323).
    ResumeCheckHalfMessageRequest<'a> {
        topic: Option<&'a str> = "topic",
        msg_id: Option<&'a str> = "msgId",
    }
}

impl EndTransactionRequest<'_> {
    /// `commitOrRollback`: the message is to be delivered.
    pub const COMMIT: i32 = 8;
    /// `commitOrRollback`: the message is to be dropped.
    pub const ROLLBACK: i32 = 12;
}
