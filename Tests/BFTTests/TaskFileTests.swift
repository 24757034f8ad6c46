import BFT
import JSON
import Policy
import Testing
import Text

@Suite struct TaskFileTests {
    /// The seed's first sample, its missing commas and quotation mark mended.
    static let sample = #"""
        {"sourcetype":"sender","senderid":"cfec","name":"xiaofang","type":"dir",
        "senderlocalpath":"/data/dcp/cfec-001/dcps","basesubdir":"cfec-001","datasource":"local","size":668521472,
        "bt-obs-cdn":"1:1:1","policy":"priortime",
        "bt":{"localtorrent":"/data/dcp/cfec-001/dcps/xiaofang.torrent",
        "url":"http://47.92.93.51/dcp/cfec-001/dcps/xiaofang.torrent",
        "tmpurl":"http://47.92.93.51/dcp/cfec-001/dcps/xiaofang-tmp.torrent",
        "tracker":"http://bttracker.top:6969/announce","seedtime":72,"priortime":"00:00-23:00"},
        "obs":{"url":"obs://cfec-001/dcps/xiaofang","priortime":"08:00-24:00","ak":"EXAMPLEACCESSKEY0000",
        "sk":"EXAMPLESECRETKEY000000000000000000000000","endpoint":"https://obs.cn-north-4.myhuaweicloud.com"},
        "cdn":{"url":"http://103.90.190.176/dcp/cfec-001/dcps/xiaofang","priortime":"18:00-05:00"},
        "filelist":[
        {"file":"42e7346d-ff82-c248-9a25-85e3058b0d44.mxf","hash":"bb53810cdfea87878d27457f807eb4574706f2e4","size":9632846},
        {"file":"ASSETMAP.xml","hash":"af11b565fc46fb87fa068c7ab89cb8eec3fdd4a9","size":1466},
        {"file":"PKL.XML","hash":"777d28475b581d7b0dc446bb5a965b2bc339a71e","size":957},
        {"file":"subdir/b9062d02-d9ce-6c4f-80c9-711985835c38.mxf","hash":"5efb3b8530afcb5c8ae1c4d182492d4434f5da3e","size":658886048},
        {"file":"subdir2/VOLINDEX","hash":"d9b3efd811d0210d686c8f503d12a7ca28cd4a4f","size":155}],
        "localsamefiles":[""],"btlist":[""],"obslist":[""],"cdnlist":[""],
        "requesters":[{"vip":"","id":""},{"vip":"","id":""}],
        "btlistsize":0,"obslistsize":0,"cdnlistsize":0,"btlistsize2":0,"obslistsize2":0,"cdnlistsize2":0,
        "gentime":"2021-04-19 22:14:30","sendtime":"","receivetime":"2021-04-19 22:51:05",
        "finishedtime":"2021-04-19 23:49:54"}
        """#

    private func parse(_ text: String) throws(TaskFileError) -> TaskFile { try TaskFile.parse(Array(text.utf8)) }

    /// A small task in which one thing can be changed.
    private func small(
        files: String = #"{"file":"a","hash":"\#(hash)","size":3},{"file":"b","hash":"\#(hash)","size":"4"}"#,
        extra: String = ""
    ) -> String {
        #"{"name":"n","basesubdir":"cfec-001","bt-obs-cdn":"1:0:1","filelist":[\#(files)]\#(extra)}"#
    }

    private static let hash = "bb53810cdfea87878d27457f807eb4574706f2e4"
    private var hash: String { Self.hash }

    @Test func `the seed's sample is read`() throws {
        let task = try parse(Self.sample)
        #expect(task.fileName == "cfec-001-xiaofang.task.json")
        #expect(task.fileList.count == 5)
        #expect(task.fileList[3].file == "subdir/b9062d02-d9ce-6c4f-80c9-711985835c38.mxf")
        #expect(task.size == task.totalSize)
        #expect(task.bt.seedTime?.seconds == 72 * 3600)
        #expect(task.obs.window == QuietWindow("08:00-24:00"))
        #expect(task.obs.keys.accessKey?.value == "EXAMPLEACCESSKEY0000")
        #expect(task.lists == PerMethod(repeating: []))
        #expect(task.localSameFiles.isEmpty)
        #expect(task.policy == .priortime)
    }

    @Test func `the seed's order and every member are written`() throws {
        let written = try JSONValue.parse(try parse(Self.sample).encode())
        let expected = try JSONValue.parse(
            Array(Self.sample.replacing("[\"\"]", with: "[]").utf8))
        #expect(written == expected)
        #expect(written.objectValue?.keys == expected.objectValue?.keys)
    }

    @Test func `either spelling of the store's keys is read`() throws {
        let task = try parse(small(extra: #","obs":{"obsak":"A","obssk":"S","obsendpoint":"e"}"#))
        #expect(task.obs.keys == StoreKeys(accessKey: Secret("A"), secretKey: Secret("S"), endpoint: "e"))
        let written = try JSONValue.parse(task.encode())
        #expect(written["obs"]?.objectValue?.keys == ["url", "priortime", "ak", "sk", "endpoint"])
    }

    @Test func `keys that nobody gave are not written`() throws {
        let written = try JSONValue.parse(try parse(small()).encode())
        #expect(written["obs"]?["ak"] == nil)
        #expect(written["obs"]?["sk"] == nil)
    }

    @Test func `unknown members are kept`() throws {
        let task = try parse(
            small(
                files: #"{"file":"a","hash":"\#(hash)","size":3,"codec":"j2k"}"#,
                extra: #","zone":{"x":[1]},"bt":{"seedtime":"90s","colour":"red"},"rebalance":"idle","payable":["obs"]"#
            ))
        #expect(task.rebalance == .idle)
        #expect(task.payable == [.obs])
        #expect(task.bt.seedTime?.seconds == 90)
        let written = try JSONValue.parse(task.encode())
        #expect(written["zone"]?["x"] == [1])
        #expect(written["bt"]?["colour"] == "red")
        #expect(written["bt"]?["seedtime"] == "90s")
        #expect(written["filelist"]?.arrayValue?.first?["codec"] == "j2k")
        #expect(try TaskFile.parse(task.encode()).encode() == task.encode())
    }

    @Test func `a list loses what lies here and gets it back when read again`() throws {
        var task = try parse(small())
        task.setSplit([.bt: [0], .cdn: [1]])
        #expect(task.imbalance() == nil)
        task.setLocalSameFiles([0])
        #expect(task.listSizes2 == PerMethod(bt: 0, obs: 0, cdn: 4))
        #expect(task.remainingFiles() == PerMethod(bt: [], obs: [], cdn: [1]))
        let written = try JSONValue.parse(task.encode())
        #expect(written["btlist"] == [])
        #expect(written["btlistsize"] == 3)
        #expect(written["localsamefiles"] == ["a"])
        var again = try TaskFile.parse(task.encode())
        #expect(again.imbalance() == nil)
        again.setLocalSameFiles([])
        #expect(again.remainingFiles() == PerMethod(bt: [0], obs: [], cdn: [1]))
    }

    @Test func `sums that do not agree have their texts`() throws {
        let path = "/data/receiver/tmp/x"
        let lists = #","btlist":["a"],"cdnlist":["b"],"obslist":[]"#
        let text = { (task: TaskFile) in task.imbalance().map { RecvFailureText.text($0, path: path) } }
        #expect(text(try parse(small(extra: lists))) == nil)
        #expect(
            text(try parse(small(extra: lists + #","size":"7","btlistsize":3,"obslistsize":0,"cdnlistsize":4"#))) == nil
        )
        #expect(text(try parse(small(extra: lists + #","size":8"#))) == "totalsize != all lists sum : \(path)")
        #expect(text(try parse(small(extra: #","btlist":["a"]"#))) == "totalsize != all lists sum : \(path)")
        #expect(
            text(try parse(small(extra: #","btlist":["a"],"cdnlist":["b","a"]"#)))
                == "totalsize != all lists sum : \(path)")
        #expect(
            text(try parse(small(extra: lists + #","btlistsize":2,"obslistsize":0,"cdnlistsize":4"#)))
                == "totalsize != all lists sum : \(path)")
        #expect(
            text(try parse(small(extra: lists + #","btlistsize2":1,"obslistsize2":0,"cdnlistsize2":4"#)))
                == "totalsize != all lists2 sum + localsamesize : \(path)")
        #expect(text(try parse(small(extra: lists + #","size":0"#))) == "total files size equal 0")
        #expect(
            text(try parse(small(files: #"{"file":"a","hash":"\#(hash)","size":0}"#)))
                == "total files size equal 0 :\(path)")
        #expect(text(try parse(small(files: ""))) == "total files size equal 0 :\(path)")
    }

    @Test(arguments: ["../a", "/etc/passwd", "a/../b", "", ".", "a//b", "a/", "a\\u0000b", "./a"])
    func `hostile file names are refused`(name: String) {
        #expect(throws: TaskFileError.self) {
            try parse(small(files: #"{"file":"\#(name)","hash":"\#(hash)","size":1}"#))
        }
    }

    @Test(arguments: ["..", "a/b", "", "/", "a\\u0000"])
    func `hostile names of contents and subdirectories are refused`(name: String) {
        let file = #"{"file":"a","hash":"\#(hash)","size":1}"#
        for (content, subdirectory) in [(name, "cfec-001"), ("n", name)] {
            #expect(throws: TaskFileError.self) {
                try parse(
                    #"{"name":"\#(content)","basesubdir":"\#(subdirectory)","bt-obs-cdn":"1:0:0","filelist":[\#(file)]}"#
                )
            }
        }
    }

    @Test(arguments: [
        #"{"file":"a","hash":"HASH","size":1},{"file":"a","hash":"HASH","size":1}"#,
        #"{"file":"a","hash":"HASH","size":1},{"file":"a/b","hash":"HASH","size":1}"#,
        #"{"file":"a","hash":"HASH","size":-1}"#, #"{"file":"a","hash":"HASH","size":"big"}"#,
        #"{"file":"a","hash":"HASH"}"#, #"{"file":"a","hash":"","size":1}"#, #"{"file":"a","hash":"zz","size":1}"#,
        #"{"file":5,"hash":"HASH","size":[]}"#, #""a""#,
        #"{"file":"a","hash":"HASH","size":9223372036854775807},{"file":"b","hash":"HASH","size":1}"#,
    ])
    func `wrong file lists are refused`(files: String) {
        #expect(throws: TaskFileError.self) { try parse(small(files: files.replacing("HASH", with: hash))) }
    }

    @Test(arguments: [
        #","btlist":["c"]"#, #","btlist":[5]"#, #","btlist":{}"#, #","btlist":["../a"]"#, #","bt":[]"#,
        #","type":"link""#,
        #","policy":"never""#, #","bt":{"priortime":"08:00-08:00"}"#, #","bt":{"seedtime":"x"}"#,
        #","payable":["all"]"#,
        #","rebalance":"often""#, #","bt":{"infohash":"xyz"}"#, #","size":-1"#, #","name":5.5,"name":"a/b""#,
        #","type":"file""#,
    ])
    func `wrong members are refused by name`(extra: String) {
        #expect(throws: TaskFileError.self) { try parse(small(extra: extra)) }
    }

    @Test func `names that are equal only to Unicode are two files`() throws {
        let files =
            "{\"file\":\"caf\u{e9}\",\"hash\":\"\(hash)\",\"size\":1},{\"file\":\"cafe\u{301}\",\"hash\":\"\(hash)\",\"size\":2}"
        let task = try parse(small(files: files, extra: ",\"btlist\":[\"caf\u{e9}\"],\"cdnlist\":[\"cafe\u{301}\"]"))
        #expect(task.imbalance() == nil)
        #expect(task.remainingFiles() == PerMethod(bt: [0], obs: [], cdn: [1]))
        #expect(try TaskFile.parse(task.encode()).encode() == task.encode())
    }

    @Test func `a single file can be a task`() throws {
        let task = try parse(
            small(files: #"{"file":"n","hash":"\#(hash)","size":1}"#, extra: #","type":"file","btlist":["n"]"#))
        #expect(task.type == .file)
        #expect(task.imbalance() == nil)
    }

    @Test func `no key is in a description or an error`() throws {
        let task = try parse(Self.sample)
        var dumped = ""
        dump(task, to: &dumped)
        for text in ["\(task)", String(reflecting: task), dumped] { #expect(!text.contains("EXAMPLE")) }
        #expect { try parse(String(Self.sample.dropLast(40))) } throws: { !"\($0)".contains("EXAMPLE") }
    }

    @Test func `a share without a file needs no torrent of it`() throws {
        var task = TaskFile(
            name: "n", subdirectory: try TaskSubdirectory("cfec-001"), shares: try #require(Shares("1:1:1")),
            fileList: try parse(small()).fileList)
        task.setSplit([.obs: [0], .cdn: [1]])
        #expect(!task.needsTmpTorrent)
        #expect(task.usedMethods == [.obs, .cdn])
        task.setSplit([.bt: [0], .cdn: [1]])
        #expect(task.needsTmpTorrent)
        task.shares = try #require(Shares("1:0:0"))
        #expect(!task.needsTmpTorrent)
    }

    @Test func `the task's windows win and the configuration fills what they leave open`() throws {
        var configuration = NodeConfiguration(role: .receiver)
        configuration.windows = PerMethod(repeating: try QuietWindow.parse("01:00-02:00"))
        let task = try parse(
            small(extra: #","policy":"priortime","bt":{"priortime":"03:00-04:00"},"obs":{"priortime":""}"#))
        let windows = task.windows(configuration: configuration)
        #expect(windows.bt == QuietWindow("03:00-04:00"))
        #expect(windows.obs == QuietWindow("01:00-02:00"))
        #expect(try parse(small()).windows(configuration: configuration) == PerMethod(repeating: .always))
    }

    @Test func `a task of many files is read and written`() throws {
        let files = (0..<20_000).map { #"{"file":"reel \#($0 / 100)/frame \#($0)","hash":"\#(hash)","size":\#($0)}"# }
        let task = try parse(small(files: files.joined(separator: ",")))
        #expect(task.fileList.count == 20_000)
        #expect(try TaskFile.parse(task.encode()).encode() == task.encode())
    }

    @Test func `every truncation and changed byte is read or refused`() {
        let text = Array(small(extra: #","btlist":["a"],"bt":{"seedtime":"72","priortime":"01:00-02:00"}"#).utf8)
        for end in text.indices { #expect(throws: TaskFileError.self) { try TaskFile.parse(Array(text[..<end])) } }
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<3_000 {
            var changed = text
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                changed[Int.random(in: changed.indices, using: &generator)] = UInt8.random(
                    in: 32...126, using: &generator)
            }
            guard let task = try? TaskFile.parse(changed) else { continue }
            #expect((try? TaskFile.parse(task.encode()))?.encode() == task.encode())
        }
    }
}
