import FleetAgent
import Glibc
import Testing

@Suite struct `The agent's socket` {
    @Test func `goes on after what concerns one connection, and after what passes`() {
        for number in [EINTR, ECONNABORTED] { #expect(AcceptFailure(number) == .passed) }
        for number in [EMFILE, ENFILE, ENOBUFS, ENOMEM, EPERM] { #expect(AcceptFailure(number) == .shortage) }
        for number in [EBADF, EINVAL] { #expect(AcceptFailure(number) == .lost) }
    }

    @Test func `a host's long name is cut, not thrown away`() {
        #expect(HostReport.nodeName("web-1.example") == "web-1.example")
        #expect(HostReport.nodeName(String(repeating: "a", count: 64)) == String(repeating: "a", count: 63))
        #expect(HostReport.nodeName("-x") == "host" && HostReport.nodeName("") == "host")
    }
}
