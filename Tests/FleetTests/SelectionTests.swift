import Address
import Fleet
import Testing

@Suite struct SelectionTests {
    private let node: NodeFacts

    init() throws {
        node = try NodeFacts(
            name: "web-12", os: "linux", arch: "x86_64", version: "0.3.10", timeZone: "Asia/Shanghai",
            addresses: [
                #require(PeerAddress(host: "10.1.2.3", port: 0)), #require(PeerAddress(host: "2001:db8::7", port: 0)),
            ],
            labels: Labels([("site", "bj"), ("tier", "edge"), ("canary", ""), ("rack", "r 7")]))
    }

    @Test(arguments: [
        ("site=bj", true), ("site==bj", true), ("site=sh", false), ("site!=sh", true), ("site!=bj", false),
        ("zone!=x", true), ("zone=x", false), ("canary", true), ("!canary", false), ("zone", false), ("!zone", true),
        ("tier in (edge, core)", true), ("tier in (core)", false), ("tier notin (core,hub)", true),
        ("tier notin (edge)", false), ("name~\"^web-[0-9]+$\"", true), ("name~\"^db\"", false), ("name!~\"^db\"", true),
        ("name~\"^(db|web)(-[0-9]+)?$\"", true), ("name~\"^[a-z(+]+[-][0-9]+$\"", true), ("name~\"(we)+b\"", true),
        ("version<0.4", true), ("version<0.3.9", false), ("version>=0.3.10", true), ("version>0.3.9", true),
        ("version<=0.3.2", false), ("zone<1", false), ("addr=10.1.0.0/16", true), ("addr=10.2.0.0/15", false),
        ("addr!=10.2.0.0/15", true), ("addr=2001:db8::/32", true), ("addr in (192.0.2.7, 10.1.2.3)", true),
        ("addr=10.1.2.4", false), ("rack=\"r 7\"", true), ("tz=Asia/Shanghai", true), ("os=linux,arch=x86_64", true),
        (" site = bj , tier in ( edge , core ) , !zone ", true), ("site=bj, !canary", false), ("inside", false),
    ]) func `a term holds for the nodes that it describes`(expression: String, holds: Bool) throws {
        #expect(try Selection(expression).selects(node) == holds)
    }

    @Test(arguments: [
        "", " ", ",", "site=bj,", "site=", "=bj", "site=bj tier=edge", "tier in edge", "tier in (edge", "tier in ()",
        "name~\"[\"", "name=\"x", "!", "addr<10.0.0.1", "addr=somewhere", "a&b", "site=bj;x",
        String(repeating: "a", count: 4097),
    ]) func `what cannot be understood is refused with its place`(expression: String) {
        let problem = #expect(throws: SelectionProblem.self) { try Selection(expression) }
        #expect(problem.map { $0.offset <= expression.utf8.count && !$0.reason.isEmpty } == true)
    }

    @Test(arguments: [
        "name~\"^(([a-z0-9-]+)+)+!$\"", "name~\"(a*)*\"", "name~\"(a|a)*!\"", "name~\"(a?a?)*!\"", "name~\"(a|b+){9}\"",
        "name~\"a*a*a*a*a*a*a*\"",
    ]) func `what could take very long is refused when it is given, and read where it is stored`(expression: String)
        throws
    {
        _ = try Selection(expression)
        #expect(throws: SelectionProblem.self) { try Selection.given(expression) }
    }

    @Test(arguments: ["name~\"^(db|web)(-[0-9]+)?$\"", "name~\"^[a-z(+]+[-][0-9]+$\"", "name~\"(we)+b\"", "site=bj"])
    func `what is quick may be given`(expression: String) throws { _ = try Selection.given(expression) }

    @Test func `several expressions select what one of them selects`() throws {
        let either = Selections([try Selection("site=sh"), try Selection("tier=edge")])
        #expect(either.selects(node))
        #expect(!Selections([try Selection("site=sh")]).selects(node))
        #expect(!Selections([]).selects(node))
    }

    @Test(arguments: [
        ("0.9", "0.10", -1), ("1.0", "1.0", 0), ("1.0", "1.0.1", -1), ("web-10", "web-9", 1), ("a", "b", -1),
        ("007", "7", 0), ("99999999999999999999", "100000000000000000000", -1), ("", "1", -1),
    ]) func `numbers in a text count by their value`(left: String, right: String, order: Int) {
        #expect(NaturalOrder.compare(left, right).signum() == order)
        #expect(NaturalOrder.compare(right, left).signum() == -order)
    }

    @Test func `labels have bounds, and what every node has is no label`() throws {
        var labels = Labels()
        for number in 0..<64 { try labels.set("k\(number)", "v") }
        #expect(throws: LabelProblem.tooMany) { try labels.set("one-more", "v") }
        try labels.set("k0", "other")
        #expect(throws: LabelProblem.builtIn("name")) { try labels.set("name", "x") }
        // What a host says itself may have as long a name as any other label.
        var own = Labels()
        try own.set(LabelKey.hostPrefix + String(repeating: "a", count: 63), "v")
        #expect(throws: LabelProblem.self) { try own.set(LabelKey.hostPrefix + String(repeating: "a", count: 64), "v") }
        #expect(throws: LabelProblem.self) { try own.set(LabelKey.hostPrefix, "v") }
        for key in ["", ".a", "a b", "ü", String(repeating: "a", count: 64)] {
            #expect(throws: LabelProblem.key(key)) { try labels.set(key, "v") }
        }
        #expect(throws: LabelProblem.value("k1")) { try labels.set("k1", "a\nb") }
        #expect(Labels.pair("a=b=c") == ("a", "b=c"))
        #expect(Labels.pair("a") == ("a", ""))
    }

    @Test func `a node's id comes from its key`() {
        let id = NodeID(publicKey: [1, 2, 3])
        #expect(id.description.utf8.count == 18)
        #expect(NodeID(id.description) == id)
        #expect(NodeID(publicKey: [1, 2, 4]) != id)
        for text in ["", "n-", "n-ABCDEFGHIJKLMNOP", "x-abcdefghijklmnop", "n-abcdefghijklmno1"] {
            #expect(NodeID(text) == nil)
        }
        #expect(Base32.encode(Array("foobar".utf8)) == "mzxw6ytboi")
    }
}
