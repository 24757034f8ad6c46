import Authoring
import Glibc
import Metainfo
import TestSupport
import Testing

private func names(_ content: ScannedContent) -> [String] { content.files.map { $0.path.string ?? "?" } }

@Suite struct ScanTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    @Test func `files come in the order of a file tree whatever the directory lists first`() throws {
        for name in ["b", "a.txt", "a/z", "a/b/c", "B", "é", "zz", "a-b"] { try directory.write(name, name) }
        let content = try ContentScanner.scan(directory.path)
        // A directory's files come where its name sorts, before names that it is the beginning of.
        #expect(names(content) == ["B", "a/b/c", "a/z", "a-b", "a.txt", "b", "zz", "é"])
        #expect(!content.isSingleFile)
        #expect(content.files.map(\.path) == content.files.map(\.path).sorted())
    }

    @Test func `a single file is a content of its own`() throws {
        try directory.write("film.bin", "abc")
        let content = try ContentScanner.scan(directory.path("film.bin"))
        #expect(content.isSingleFile)
        #expect(content.name.string == "film.bin")
        #expect(content.files.count == 1)
        #expect(content.totalLength == 3)
    }

    @Test func `the name is that of the directory however it is written`() throws {
        try directory.write("top/in/file", "x")
        #expect(try ContentScanner.scan(directory.path("top")).name.string == "top")
        #expect(try ContentScanner.scan(directory.path("top//")).name.string == "top")
        #expect(try ContentScanner.scan(directory.path("top/in/..")).name.string == "top")
        #expect(try ContentScanner.scan(directory.path("top/.")).name.string == "top")
    }

    @Test func `the executable bit is kept`() throws {
        try directory.write("run.sh", "#!", mode: 0o755)
        try directory.write("text", "t")
        #expect(try ContentScanner.scan(directory.path).files.map(\.isExecutable) == [true, false])
    }

    @Test func `empty directories and names others cannot hold are warned of`() throws {
        try directory.write("a/xt_MARK.h", "1")
        try directory.write("a/xt_mark.h", "2")
        try directory.write("aux.c", "3")
        try directory.write("e\u{301}", "4")
        try directory.write("\u{e9}", "5")
        try directory.write("dot.", "6")
        try directory.write("fine.txt", "7")
        try directory.makeDirectory("nothing")
        let warnings = Set(try ContentScanner.scan(directory.path).warnings)
        #expect(
            warnings == [
                .sameNameIgnoringCase("a/xt_MARK.h", "a/xt_mark.h"), .notForWindows("aux.c"),
                .sameNameIgnoringCase("e\u{301}", "\u{e9}"), .notForWindows("dot."), .emptyDirectory("nothing"),
            ])
    }

    @Test(arguments: [
        ("con", true), ("COM1.txt", true), ("lpt9", true), ("com0", false), ("console", false),
        ("a:b", true), ("a\\b", true), ("x ", true), (".hidden", false), ("nul.tar.gz", true), ("\u{1}", true),
    ])
    func `names that Windows cannot hold are known`(name: String, isRefused: Bool) {
        #expect(PortableNames.isRefusedByWindows(Array(name.utf8)) == isRefused)
    }

    @Test func `a symlink is an error that names it`() throws {
        try directory.write("file", "x")
        try directory.makeLink("link", to: "file")
        #expect(throws: AuthoringError.symlink(path: directory.path("link"))) {
            try ContentScanner.scan(directory.path)
        }
    }

    @Test func `skipped symlinks are warned of`() throws {
        try directory.write("file", "x")
        try directory.makeLink("link", to: "file")
        try directory.makeLink("dangling", to: "nowhere")
        let content = try ContentScanner.scan(directory.path, options: ScanOptions(symlinks: .skip))
        #expect(names(content) == ["file"])
        #expect(content.warnings == [.symlinkSkipped("dangling"), .symlinkSkipped("link")])
    }

    @Test func `followed symlinks are what they point at`() throws {
        try directory.write("there/inside", "xyz")
        try directory.makeDirectory("content")
        try directory.makeLink("content/dir", to: "../there")
        try directory.makeLink("content/file", to: "../there/inside")
        let content = try ContentScanner.scan(directory.path("content"), options: ScanOptions(symlinks: .follow))
        #expect(names(content) == ["dir/inside", "file"])
        #expect(content.totalLength == 6)
    }

    @Test func `the torrent that is written is no part of its content`() throws {
        try directory.write("content/film", "reel")
        try directory.write("content/sub/film.torrent", "the torrent of a run before")
        try directory.write("content/sub/film.torrent.4711.part", "of a run that was killed")
        try directory.write("content/sub/film.torrent.x.part", "no number: somebody's own")
        try directory.write("content/film.torrent", "another one, in another directory")
        let content = directory.path("content")
        try directory.makeLink("way", to: "content/sub")
        for output in [
            content + "/sub/film.torrent", directory.path("way/film.torrent"), content + "/./sub/../sub/film.torrent",
        ] {
            let scan = try ContentScanner.scan(content, options: ScanOptions(output: output))
            #expect(names(scan) == ["film", "film.torrent", "sub/film.torrent.x.part"])
            #expect(
                Set(scan.warnings) == [.ownOutput("sub/film.torrent"), .ownOutput("sub/film.torrent.4711.part")])
        }
        // A new one has nothing to leave out, and without it all is taken.
        let new = try ContentScanner.scan(content, options: ScanOptions(output: content + "/new.torrent"))
        #expect(new.files.count == 5 && new.warnings.isEmpty)
        #expect(try ContentScanner.scan(content).files.count == 5)
    }

    @Test func `the torrent is known by what it is too`() throws {
        try directory.write("content/film", "reel")
        try directory.write("content/old.torrent", "old")
        try directory.makeLink("out.torrent", to: "content/old.torrent")
        // The output is a link to a file in the content.
        let linked = try ContentScanner.scan(
            directory.path("content"), options: ScanOptions(output: directory.path("out.torrent")))
        #expect(names(linked) == ["film"])
        // The output is a link in the content, which would otherwise be an error.
        try directory.makeLink("content/link.torrent", to: "/nowhere")
        let link = try ContentScanner.scan(
            directory.path("content"), options: ScanOptions(output: directory.path("content/link.torrent")))
        #expect(names(link) == ["film", "old.torrent"])
        #expect(link.warnings == [.ownOutput("link.torrent")])
        // A link in the content leads to the output outside.
        try directory.write("out2.torrent", "x")
        try directory.makeLink("content/link2", to: "../out2.torrent")
        let followed = try ContentScanner.scan(
            directory.path("content"),
            options: ScanOptions(symlinks: .follow, exclude: ["^link.torrent$"], output: directory.path("out2.torrent"))
        )
        #expect(names(followed) == ["film", "old.torrent"])
    }

    @Test func `a torrent is not written over its only file`() throws {
        try directory.write("film", "reel")
        try directory.makeLink("link", to: "film")
        for output in ["film", "link"] {
            #expect(throws: AuthoringError.outputIsContent(path: directory.path("film"))) {
                try ContentScanner.scan(directory.path("film"), options: ScanOptions(output: directory.path(output)))
            }
        }
        let options = ScanOptions(output: directory.path("film.torrent"))
        #expect(try ContentScanner.scan(directory.path("film"), options: options).files.count == 1)
    }

    @Test func `a loop of symlinks is found`() throws {
        try directory.write("a/file", "x")
        try directory.makeLink("a/up", to: "..")
        #expect(throws: AuthoringError.symlinkLoop(path: directory.path("a/up"))) {
            try ContentScanner.scan(directory.path, options: ScanOptions(symlinks: .follow))
        }
        try directory.makeLink("self", to: "self")
        #expect(throws: AuthoringError.self) {
            try ContentScanner.scan(directory.path, options: ScanOptions(symlinks: .follow, exclude: ["^a/"]))
        }
    }

    @Test func `links that multiply end at the limit`() throws {
        // Each directory has two links to the next: thirty of them would be a thousand million files.
        for level in 0..<30 {
            try directory.makeDirectory("d\(level)")
            try directory.makeLink("d\(level)/l", to: "../d\(level + 1)")
            try directory.makeLink("d\(level)/r", to: "../d\(level + 1)")
        }
        try directory.write("d30/file", "x")
        var limits = AuthoringLimits.standard
        limits.maxEntries = 1000
        #expect(throws: AuthoringError.tooManyEntries(limit: 1000)) {
            try ContentScanner.scan(directory.path("d0"), options: ScanOptions(symlinks: .follow), limits: limits)
        }
    }

    @Test func `what is excluded is not looked at`() throws {
        try directory.write("keep.txt", "1")
        try directory.write("junk.tmp", "2")
        try directory.write(".git/objects/ab", "3")
        try directory.makeLink("link", to: "keep.txt")
        let options = ScanOptions(exclude: [#"\.tmp$"#, #"^\.git$"#, "^link$"])
        #expect(names(try ContentScanner.scan(directory.path, options: options)) == ["keep.txt"])
        #expect(throws: AuthoringError.badPattern("(")) {
            try ContentScanner.scan(directory.path, options: ScanOptions(exclude: ["("]))
        }
    }

    @Test func `a name that is not UTF-8 is an error`() throws {
        try directory.write("good", "x")
        let bad = directory.path.utf8CString.dropLast() + [47, CChar(bitPattern: 0xff), 65, 0]
        let descriptor = open(Array(bad), O_CREAT | O_WRONLY, 0o644)
        #expect(descriptor >= 0)
        close(descriptor)
        #expect(throws: AuthoringError.nameIsNotUTF8(path: directory.path + #"/\xffA"#)) {
            try ContentScanner.scan(directory.path)
        }
        unlink(Array(bad))
    }

    @Test func `a path that no torrent can hold is an error`() throws {
        var name = "d"
        for _ in 0..<101 {
            try directory.makeDirectory(name)
            name += "/d"
        }
        try directory.write(name, "x")
        #expect(throws: AuthoringError.self) { try ContentScanner.scan(directory.path) }
    }

    @Test func `what is neither file nor directory is an error`() throws {
        try directory.write("file", "x")
        #expect(mkfifo(directory.path("pipe"), 0o644) == 0)
        #expect(throws: AuthoringError.specialFile(path: directory.path("pipe"), kind: "a FIFO")) {
            try ContentScanner.scan(directory.path)
        }
        #expect(throws: AuthoringError.specialFile(path: directory.path("pipe"), kind: "a FIFO")) {
            try ContentScanner.scan(directory.path("pipe"))
        }
        #expect(throws: AuthoringError.specialFile(path: "/dev/null", kind: "a device")) {
            try ContentScanner.scan("/dev/null")
        }
    }

    @Test func `content with no bytes is an error`() throws {
        #expect(throws: AuthoringError.noContent(path: directory.path)) { try ContentScanner.scan(directory.path) }
        try directory.write("empty", "")
        #expect(throws: AuthoringError.noContent(path: directory.path)) { try ContentScanner.scan(directory.path) }
    }

    @Test func `a path that is not there is an error that names it`() {
        let path = directory.path("missing")
        #expect(throws: AuthoringError.system(operation: "open", path: path, .init(ENOENT))) {
            try ContentScanner.scan(path)
        }
    }

    @Test func `a scan ends when it is cancelled`() throws {
        try directory.write("file", "x")
        #expect(throws: AuthoringError.cancelled) { try ContentScanner.scan(directory.path, isCancelled: { true }) }
    }
}
