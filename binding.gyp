{
  # make build -> build/Release/trestle_native.node (not node-gyp rebuild, which empties all of build/)
  'targets': [
    {
      'target_name': 'trestle_native',
      'sources': ['<!@(ls native/*.cc)'],
      'include_dirs': ['<!(node -p "require(\'node-addon-api\').include_dir")'],
      'defines': ['NAPI_VERSION=8', 'NAPI_DISABLE_CPP_EXCEPTIONS', '_GNU_SOURCE'],
      # gcc 12 sees overlaps in std::string's operator+ that are none (GCC bug 105651).
      'cflags': ['-Wall', '-Wextra', '-Werror', '-Wno-restrict', '-fvisibility=hidden', '<!@(pkg-config --cflags libnl-3.0 libnftnl libmnl)'],
      'cflags!': ['-Wno-unused-parameter'],
      'cflags_cc!': ['-std=gnu++17', '-std=gnu++20'],
      'cflags_cc': ['-std=c++20'],
      # Shared objects that are shipped beside the addon come before the system's. The C++ library is inside and nobody
      # else's: to link it when the addon is loaded would take half of that.
      'ldflags': [
        "-Wl,-rpath,'$$ORIGIN/lib'", '-Wl,--as-needed',
        '-static-libstdc++', '-static-libgcc', '-Wl,--version-script=<(module_root_dir)/native/exports.map', '-Wl,--gc-sections',
      ],
      # libmd is small, and nothing else's: inside, it costs the start of a process nothing.
      'libraries': ['<!@(pkg-config --libs libnl-3.0 libnftnl libmnl)', '-Wl,-Bstatic', '-lmd', '-Wl,-Bdynamic'],
    },
  ],
}
