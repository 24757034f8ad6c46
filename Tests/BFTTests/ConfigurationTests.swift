import Address
import BFT
import Policy
import Testing
import Text

@Suite struct ConfigurationTests {
    /// The seed's sample with its commas mended.
    static let sample = """
        {
        "servertype": "cacher",
        "machinetype": "local",
        "receiverid": "cfec0001",
        "vip":"1.2.3.4",
        "basedatapath": "/data/dcp",
        "basesubdir": "cfec-001",
        "avoidrepeat": true,
        "ctcs": "localhost:2780",
        "senderid": "cfec",
        "senderdomain": "http://47.92.93.51",
        "bt-obs-cdn":"2:1:1",
        "priorpolicy":"fulltime",
        "tracker": "http://bttracker.top:6969/announce",
        "defaultseedtime": "72",
        "obsurl": "obs://cfec-001",
        "cdnurl": "http://47.92.93.51",
        "bttime": "06:00-18:00",
        "obstime": "08:00-18:00",
        "cdntime": "06:00-00:00",
        "ctfilesorder":true,
        "obsak":"EXAMPLEACCESSKEY0000",
        "obssk":"EXAMPLESECRETKEY000000000000000000000000",
        "obsendpoint":"obs.ap-southeast-1.myhuaweicloud.com",
        "datasource":"local",
        "receiverstoreplan":"A",
        "uploadingnum":5,
        "downloadingnum":5
        }
        """

    private func parse(_ text: String) throws(ConfigurationError) -> NodeConfiguration {
        try NodeConfiguration.parse(Array(text.utf8))
    }

    private func parse(_ key: String, _ value: String) throws(ConfigurationError) -> NodeConfiguration {
        try parse(#"{"servertype":"receiver","\#(key)":\#(value)}"#)
    }

    @Test func `the seed's mended sample is read`() throws {
        let configuration = try parse(Self.sample)
        #expect(configuration.role == .cacher)
        #expect(configuration.baseSubdirectory?.text == "cfec-001")
        #expect(configuration.shares == Shares("2:1:1"))
        #expect(configuration.windows.cdn == QuietWindow("06:00-00:00"))
        #expect(configuration.defaultSeedTime.seconds == 72 * 3600)
        #expect(configuration.storeKeys.accessKey?.value == "EXAMPLEACCESSKEY0000")
        #expect(configuration.storeKeys.endpointURL == "https://obs.ap-southeast-1.myhuaweicloud.com")
        #expect(configuration.uploadsAtOnce == 5)
        #expect(configuration.warnings.isEmpty)
    }

    @Test func `the seed's sample as printed is refused with line and column`() {
        let printed = Self.sample.replacing("myhuaweicloud.com\",", with: "myhuaweicloud.com\"")
        #expect {
            try parse(printed)
        } throws: { error in
            guard case .syntax(let error)? = error as? ConfigurationError else { return false }
            return error.line == 25 && error.column == 1 && "\(error)".contains("line 25, column 1")
        }
    }

    @Test(arguments: ["#", "//"])
    func `comments are refused with line and column`(comment: String) {
        let text = "{\n\"servertype\": \"cacher\", \(comment) the role\n\"vip\": \"1\"\n}"
        #expect {
            try parse(text)
        } throws: { error in "\(error)".contains("line 2, column 25") && "\(error)".contains("comments") }
    }

    @Test func `what is not said has its default`() throws {
        let configuration = try parse(#"{"servertype":"sender"}"#)
        #expect(configuration == NodeConfiguration(role: .sender))
        #expect(configuration.listen.description == "127.0.0.1:8191")
        #expect(configuration.www == nil)
        #expect(configuration.dataPath == "/data")
        #expect(configuration.taskRoots == ["/data", "/tmp"])
        #expect(configuration.torrentFormat == .v1)
        #expect(configuration.sourceTimeout == 600)
        #expect(configuration.windows == PerMethod(repeating: .always))
    }

    @Test func `the new keys are read`() throws {
        let configuration = try parse(
            #"""
            {"servertype":"sender","datapath":"/srv/d","listen":"0.0.0.0:8191","apitoken":"t0ken","www":":8080",
            "btlisten":"[::]:6881","torrentformat":"hybrid","sourcetimeout":"90s","obsbuckets":"/etc/bft2/buckets",
            "callback":"http://tms/x","taskroots":["/srv/d","/tasks"],"seedinwindow":"true","cdnlimit":"10M",
            "obsstyle":"path","obssignature":"v2","obsregion":"r1","hashtable":"/x/h.txt"}
            """#)
        #expect(configuration.listen == ListenAddress(host: "0.0.0.0", port: 8191))
        #expect(configuration.www == ListenAddress(host: "0.0.0.0", port: 8080))
        #expect(configuration.torrentListen == ListenAddress(host: "::", port: 6881))
        #expect(configuration.torrentFormat == .hybrid)
        #expect(configuration.sourceTimeout == 90)
        #expect(configuration.taskRoots == ["/srv/d", "/tasks"])
        #expect(configuration.seedsInWindow)
        #expect(configuration.rateLimits.cdn == 10 << 20)
        #expect(configuration.storeStyle == .path)
        #expect(configuration.storeSignature == .v2)
        #expect(configuration.apiToken?.matches("t0ken") == true)
    }

    @Test(arguments: [("uploadingnum", "3"), ("uploadingnum", "\"3\""), ("uploadingnum", "3.0")])
    func `numbers may be strings`(key: String, value: String) throws {
        #expect(try parse(key, value).uploadsAtOnce == 3)
    }

    @Test(arguments: ["true", "\"true\"", "1"])
    func `flags may be strings`(value: String) throws { #expect(try parse("seedinwindow", value).seedsInWindow) }

    @Test(arguments: ["prior", "priorpolicy"])
    func `prior and prior policy are one key`(key: String) throws {
        #expect(try parse(key, "\"priortime\"").policy == .priortime)
    }

    @Test func `prior and prior policy may not disagree`() {
        #expect(throws: ConfigurationError.self) {
            try parse(#"{"servertype":"sender","prior":"fulltime","priorpolicy":"priortime"}"#)
        }
    }

    @Test(arguments: [
        ("basedatapath", "/data/dcp/"), ("datapath", "/data/"), ("hashtable", "/h/"), ("senderdomain", "http://a/"),
        ("cdnurl", "http://a/"), ("obsurl", "obs://a/"), ("tracker", "http://a/"), ("obsendpoint", "a/"),
        ("basesubdir", "cfec-001/"), ("callback", "http://a/"), ("taskroots", "/tmp/"), ("obsbuckets", "/b/"),
    ])
    func `a trailing slash is an error that says so`(key: String, value: String) {
        #expect {
            try parse(key, "\"\(value)\"")
        } throws: { "\($0)".contains("'\(key)'") && "\($0)".contains("trailing slash") }
    }

    @Test(arguments: [
        ("servertype", "\"king\""), ("machinetype", "\"x\""), ("basedatapath", "\"data\""),
        ("basedatapath", "\"/a/../b\""),
        ("basedatapath", "5"), ("datapath", "\"/a\\u0000b\""), ("avoidrepeat", "\"yes\""), ("bt-obs-cdn", "\"0:0:0\""),
        ("bttime", "\"08:00-08:00\""), ("obstime", "\"8\""), ("cdntime", "[]"), ("defaultseedtime", "\"soon\""),
        ("uploadingnum", "0"), ("downloadingnum", "\"many\""), ("downloadingnum", "-1"), ("sourcetimeout", "\"0\""),
        ("listen", "\"8191\""), ("listen", "\"::1:80\""), ("www", "\"a:99999\""), ("cdnurl", "\"ftp://a\""),
        ("senderdomain", "\"http://\""), ("tracker", "\"http://a b\""), ("receiverstoreplan", "\"C\""),
        ("basesubdir", "\"a/b\""), ("basesubdir", "\"..\""), ("obslimit", "\"fast\""), ("obsurl", "\"http://a\""),
        ("taskroots", "[5]"), ("ctfilesorder", "{}"), ("obsak", "{}"),
    ])
    func `a wrong value is refused by the name of its key`(key: String, value: String) {
        #expect { try parse(key, value) } throws: { "\($0)".contains("'\(key)'") }
    }

    @Test func `the role must be said`() {
        #expect { try parse("{}") } throws: { "\($0)".contains("'servertype'") }
        #expect { try parse("[]") } throws: { "\($0)".contains("line 1") }
    }

    @Test(arguments: ["0.0.0.0:8191", ":8191", "10.0.0.1:80", "[::]:80", "127.example.com:80"])
    func `an API that others can reach needs a token`(address: String) throws {
        #expect { try parse("listen", "\"\(address)\"") } throws: { "\($0)".contains("'apitoken'") }
    }

    @Test(arguments: ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1"])
    func `a loopback API needs none`(address: String) throws {
        #expect(try parse("listen", "\"\(address)\"").listen.isLoopback)
    }

    @Test func `keys of TLS are read together`() throws {
        let configuration = try parse(
            #"""
            {"servertype":"sender","tlscertificate":"/c.pem","tlskey":"/k.pem","tlspassphrase":"/p","wwwtls":true,
            "tlsclientca":"/ca.pem"}
            """#)
        #expect(configuration.tlsCertificate == "/c.pem")
        #expect(configuration.tlsKey == "/k.pem")
        #expect(configuration.tlsPassphrase == "/p")
        #expect(configuration.tlsClientAuthority == "/ca.pem")
        #expect(configuration.wwwSpeaksTLS)
        #expect { try parse("tlscertificate", "\"/c.pem\"") } throws: { "\($0)".contains("'tlskey' is missing") }
        for (key, value) in [("tlskey", "\"/k.pem\""), ("tlsclientca", "\"/ca.pem\""), ("wwwtls", "true")] {
            #expect { try parse(key, value) } throws: { "\($0)".contains("'tlscertificate' is missing: '\(key)'") }
        }
    }

    @Test func `unknown keys and odd subdirectories are warned of`() throws {
        let configuration = try parse(#"{"servertype":"sender","upladingnum":3,"basesubdir":"theatre"}"#)
        #expect(configuration.warnings.count == 2)
        #expect(configuration.warnings.contains { $0.contains("upladingnum") })
    }

    @Test func `no secret is in a description or an error`() throws {
        let configuration = try NodeConfiguration.parse(
            Array(Self.sample.replacing("\"vip\":\"1.2.3.4\"", with: "\"apitoken\":\"EXAMPLETOKEN\"").utf8))
        var dumped = ""
        dump(configuration, to: &dumped)
        for text in ["\(configuration)", String(reflecting: configuration), dumped] {
            #expect(!text.contains("EXAMPLE"))
        }
        let broken = #"{"obssk":"EXAMPLESECRET","obsak":"EXAMPLEKEY" "x":1}"#
        #expect { try parse(broken) } throws: { !"\($0)".contains("EXAMPLE") }
    }

    @Test func `keys of a bucket are looked up task then table then configuration`() throws {
        let table = try BucketTable.parse("# keys\ncfec-001 TA TS obs.table\r\n\n")
        let own = StoreKeys(accessKey: Secret("CA"), secretKey: Secret("CS"), endpoint: "obs.own")
        let none = StoreKeys()
        let given = StoreKeys(accessKey: Secret("GA"), secretKey: Secret("GS"), endpoint: "")
        let resolve = { StoreKeys.resolve(bucket: $0, task: $1, table: table, configuration: own) }
        #expect(resolve("cfec-002", none) == own)
        #expect(resolve("cfec-001", none).accessKey?.value == "TA")
        #expect(resolve("cfec-001", given).secretKey?.value == "GS")
        #expect(resolve("cfec-001", given).endpoint == "obs.table")
    }

    @Test func `a wrong line of the bucket table is named by its number only`() {
        #expect {
            try BucketTable.parse("a b c d\ne SECRETKEY g")
        } throws: { "\($0)".contains("line 2") && !"\($0)".contains("SECRETKEY") }
    }

    @Test(arguments: [
        ("cfec-001", true), ("abcde-1234", true), ("abcdef-1", false), ("a-12345", false), ("-1", false),
        ("cfec001", false), ("cf1-001", false), ("cfec-00a", false),
    ])
    func `subdirectories of the usual shape are not warned of`(text: String, isUsual: Bool) throws {
        #expect((try TaskSubdirectory(text).warning == nil) == isUsual)
    }

    @Test func `paths of each role are the contract's`() throws {
        let subdirectory = try TaskSubdirectory("cfec-001")
        var configuration = NodeConfiguration(role: .receiver)
        #expect(NodePaths(configuration).stored(subdirectory, "x") == "/data/dcp/x")
        configuration.receiverStorePlan = .b
        #expect(NodePaths(configuration).stored(subdirectory, "x") == "/data/dcp/cfec-001/dcps/x")
        #expect(NodePaths(configuration).staging(subdirectory, "x") == "/data/transfer/cfec-001/x")
        #expect(NodePaths(configuration).stagingUnderBase(subdirectory, "x") == "/data/dcp/.swoop/cfec-001/x")
        let cacher = NodePaths(NodeConfiguration(role: .cacher))
        #expect(cacher.stored(subdirectory, "x") == nil)
        #expect(cacher.staging(subdirectory, "x", isShare: true) == "/data/transfer/bt/cfec-001/x-tmp")
        let sender = NodePaths(NodeConfiguration(role: .sender))
        #expect(sender.finishedMarker(subdirectory, "x") == "/data/dcp/cfec-001/dcps/x.finished")
        #expect(sender.tmpTorrent(subdirectory, "x") == "/data/dcp/cfec-001/dcps-tmp/x-tmp.torrent")
        #expect(sender.directory(SenderState.uploading) == "/data/sender/uploading")
        #expect(sender.directories.count == 12)
        #expect(
            sender.url(domain: "http://a", path: "/data/dcp/c/dcps/x y.torrent") == "http://a/dcp/c/dcps/x%20y.torrent")
        #expect(sender.url(domain: "http://a", path: "/data/dcpx/y") == nil)
        #expect(sender.belowBase("/data/dcp/../x") == nil)
    }

    @Test(arguments: ["/data/sender/tmp/a.task.json", "/tmp/a"])
    func `task files lie under their roots`(path: String) {
        #expect(NodePaths(NodeConfiguration(role: .sender)).mayHoldTaskFile(path))
    }

    @Test(arguments: [
        "/etc/passwd", "/data", "/tmp/../etc/passwd", "tmp/a", "/tmpx/a", "/tmp//a", "/tmp/a\0b", "", "/tmp/",
    ])
    func `task files lie nowhere else`(path: String) {
        #expect(!NodePaths(NodeConfiguration(role: .sender)).mayHoldTaskFile(path))
    }

    @Test(arguments: ["a/b.task.json", "../a.task.json", "a\0.task.json", ".task.json", "a.json", ""])
    func `task names are no paths`(name: String) { #expect(!NodePaths.isTaskFileName(name)) }

    @Test func `obsurl begins the URL of content of basesubdir, and a sender without one is told`() throws {
        func sender(_ more: String) throws -> NodeConfiguration {
            try parse(#"{"servertype":"sender","obsurl":"obs://films/2026"\#(more)}"#)
        }
        let own = try TaskSubdirectory("cfec-001")
        let configuration = try sender(#","basesubdir":"cfec-001""#)
        #expect(configuration.warnings.isEmpty)
        #expect(configuration.storeURL(of: "film", in: own) == "obs://films/2026/dcps/film")
        // Organisations have buckets of their own: contents of one name must not meet in one of them.
        let other = try TaskSubdirectory("cfec-002")
        #expect(configuration.storeURL(of: "film", in: other) == "obs://cfec-002/dcps/film")
        let none = try sender("")
        #expect(none.storeURL(of: "film", in: own) == "obs://cfec-001/dcps/film")
        #expect(none.warnings.count == 1 && none.warnings.allSatisfy { $0.contains("obsurl") })
        #expect(NodeConfiguration(role: .sender).storeURL(of: "film", in: own) == "obs://cfec-001/dcps/film")
    }
}
