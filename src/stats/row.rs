//! One line of the statistics: the fields of HAProxy 2.6's CSV, in its order, and their values.
//!
//! CSV, page and whatever shows statistics later read the same [`Row`]; `fill` makes it.

use crate::applet::Value;

macro_rules! fields {
    ($($variant:ident $name:literal),* $(,)?) => {
        /// A column; its number is its position in the CSV (management manual, section 9.1).
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Field { $(#[doc = $name] $variant,)* }

        /// The names of the columns as the CSV's first line has them.
        pub static NAMES: &[&str] = &[$($name,)*];
    };
}

fields! {
    Pxname "pxname", Svname "svname", Qcur "qcur", Qmax "qmax", Scur "scur", Smax "smax", Slim "slim", Stot "stot",
    Bin "bin", Bout "bout", Dreq "dreq", Dresp "dresp", Ereq "ereq", Econ "econ", Eresp "eresp", Wretr "wretr",
    Wredis "wredis", Status "status", Weight "weight", Act "act", Bck "bck", Chkfail "chkfail", Chkdown "chkdown",
    Lastchg "lastchg", Downtime "downtime", Qlimit "qlimit", Pid "pid", Iid "iid", Sid "sid", Throttle "throttle",
    Lbtot "lbtot", Tracked "tracked", Type "type", Rate "rate", RateLim "rate_lim", RateMax "rate_max",
    CheckStatus "check_status", CheckCode "check_code", CheckDuration "check_duration", Hrsp1xx "hrsp_1xx",
    Hrsp2xx "hrsp_2xx", Hrsp3xx "hrsp_3xx", Hrsp4xx "hrsp_4xx", Hrsp5xx "hrsp_5xx", HrspOther "hrsp_other",
    Hanafail "hanafail", ReqRate "req_rate", ReqRateMax "req_rate_max", ReqTot "req_tot", CliAbrt "cli_abrt",
    SrvAbrt "srv_abrt", CompIn "comp_in", CompOut "comp_out", CompByp "comp_byp", CompRsp "comp_rsp",
    Lastsess "lastsess", LastChk "last_chk", LastAgt "last_agt", Qtime "qtime", Ctime "ctime", Rtime "rtime",
    Ttime "ttime", AgentStatus "agent_status", AgentCode "agent_code", AgentDuration "agent_duration",
    CheckDesc "check_desc", AgentDesc "agent_desc", CheckRise "check_rise", CheckFall "check_fall",
    CheckHealth "check_health", AgentRise "agent_rise", AgentFall "agent_fall", AgentHealth "agent_health",
    Addr "addr", Cookie "cookie", Mode "mode", Algo "algo", ConnRate "conn_rate", ConnRateMax "conn_rate_max",
    ConnTot "conn_tot", Intercepted "intercepted", Dcon "dcon", Dses "dses", Wrew "wrew", Connect "connect",
    Reuse "reuse", CacheLookups "cache_lookups", CacheHits "cache_hits", SrvIcur "srv_icur", SrcIlim "src_ilim",
    QtimeMax "qtime_max", CtimeMax "ctime_max", RtimeMax "rtime_max", TtimeMax "ttime_max", Eint "eint",
    IdleConnCur "idle_conn_cur", SafeConnCur "safe_conn_cur", UsedConnCur "used_conn_cur",
    NeedConnEst "need_conn_est", Uweight "uweight", AggServerStatus "agg_server_status",
    AggServerCheckStatus "agg_server_check_status", AggCheckStatus "agg_check_status", Separator "-",
    SslSess "ssl_sess", SslReusedSess "ssl_reused_sess", SslFailedHandshake "ssl_failed_handshake",
    H2HeadersRcvd "h2_headers_rcvd", H2DataRcvd "h2_data_rcvd", H2SettingsRcvd "h2_settings_rcvd",
    H2RstStreamRcvd "h2_rst_stream_rcvd", H2GoawayRcvd "h2_goaway_rcvd",
    H2DetectedConnProtocolErrors "h2_detected_conn_protocol_errors",
    H2DetectedStrmProtocolErrors "h2_detected_strm_protocol_errors", H2RstStreamResp "h2_rst_stream_resp",
    H2GoawayResp "h2_goaway_resp", H2OpenConnections "h2_open_connections",
    H2BackendOpenStreams "h2_backend_open_streams", H2TotalConnections "h2_total_connections",
    H2BackendTotalStreams "h2_backend_total_streams", H1OpenConnections "h1_open_connections",
    H1OpenStreams "h1_open_streams", H1TotalConnections "h1_total_connections", H1TotalStreams "h1_total_streams",
    H1BytesIn "h1_bytes_in", H1BytesOut "h1_bytes_out", H1SplicedBytesIn "h1_spliced_bytes_in",
    H1SplicedBytesOut "h1_spliced_bytes_out",
}

/// Number of columns.
pub const FIELDS: usize = Field::H1SplicedBytesOut as usize + 1;

/// The values of a line.
pub struct Row<'a> {
    values: [Value<'a>; FIELDS],
}

impl<'a> Row<'a> {
    /// A line without values.
    pub fn new() -> Row<'a> {
        Row { values: [Value::Empty; FIELDS] }
    }

    /// Sets a column.
    pub fn set(&mut self, field: Field, value: Value<'a>) {
        self.values[field as usize] = value;
    }

    /// Sets columns to numbers.
    pub fn nums(&mut self, values: &[(Field, u64)]) {
        for (field, n) in values {
            self.set(*field, Value::Num(*n));
        }
    }

    /// Sets all columns from one to another to zero: what is not counted here but has a number in HAProxy.
    pub fn zero(&mut self, from: Field, to: Field) {
        self.values[from as usize..=to as usize].fill(Value::Num(0));
    }

    /// A column.
    pub fn get(&self, field: Field) -> Value<'a> {
        self.values[field as usize]
    }

    /// A column's number, if it has one.
    pub fn num(&self, field: Field) -> Option<u64> {
        match self.get(field) {
            Value::Num(n) => Some(n),
            _ => None,
        }
    }

    /// All columns in order.
    pub fn values(&self) -> &[Value<'a>] {
        &self.values
    }
}

impl Default for Row<'_> {
    fn default() -> Self {
        Row::new()
    }
}
