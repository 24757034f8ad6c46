import Foundation
import TestSupport
import Testing

@testable import swoop

@Suite struct `The directories of a registry` {
    @Test func `are one under another spelling and through a symbolic link`() throws {
        let place = try TemporaryDirectory()
        for name in ["data", "other"] { try place.makeDirectory(name) }
        try FileManager.default.createSymbolicLink(
            atPath: place.path("link"), withDestinationPath: place.path("data"))
        let data = place.path("data")
        for same in [data, data + "//", place.path("other/../data"), place.path("link"), place.path("link/")] {
            #expect(RegistryHost.isSameDirectory(same, data), "\(same)")
        }
        for apart in [place.path("other"), place.path("missing"), data + "/data"] {
            #expect(!RegistryHost.isSameDirectory(apart, data), "\(apart)")
        }
        #expect(RegistryHost.isSameDirectory(place.path("missing/"), place.path("missing")))
    }
}
