"""An RTSP server on this machine whose picture carries the time: `server.py PORT [USER PASSWORD]`, under the
system's own Python, which has GStreamer's bindings. The luma of column n of 32 is bit n of the milliseconds since
1970 at which the picture was handed to the encoder."""

import sys
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402 - the versions come first

WIDTH, HEIGHT, FPS = 320, 240, 20
LAUNCH = (
    "( appsrc name=pictures is-live=true do-timestamp=true format=time "
    f"caps=video/x-raw,format=I420,width={WIDTH},height={HEIGHT},framerate={FPS}/1 "
    f"! x264enc tune=zerolatency speed-preset=ultrafast bitrate=2000 key-int-max={FPS} "
    "! rtph264pay name=pay0 pt=96 config-interval=1 )"
)
CHROMA = b"\x80" * (WIDTH * HEIGHT // 2)


def picture():
    now = int(time.time() * 1000)
    row = b"".join((b"\xeb" if now >> bit & 1 else b"\x10") * (WIDTH // 32) for bit in range(32))
    return row * HEIGHT + CHROMA


def on_media(_, media):
    source = media.get_element().get_by_name("pictures")

    def push():
        flow = source.emit("push-buffer", Gst.Buffer.new_wrapped(picture()))
        return flow == Gst.FlowReturn.OK

    GLib.timeout_add(1000 // FPS, push)


def main():
    port, *login = sys.argv[1:]
    Gst.init(None)
    server = GstRtspServer.RTSPServer(address="127.0.0.1", service=port)
    factory = GstRtspServer.RTSPMediaFactory(launch=LAUNCH, shared=True)
    factory.connect("media-configure", on_media)
    server.get_mount_points().add_factory("/camera", factory)
    if login:
        auth = GstRtspServer.RTSPAuth()
        token = GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "viewer")
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(*login), token)
        server.set_auth(auth)
        role = Gst.Structure.new_empty("viewer")
        role.set_value("media.factory.access", True)
        role.set_value("media.factory.construct", True)
        factory.add_role_from_structure(role)
    server.attach(None)
    print(f"listening on {server.get_bound_port()}", flush=True)
    GLib.MainLoop().run()


main()
