// SPDX-License-Identifier: Apache-2.0
#include "engine/mask.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "linux/fs.h"
#include "run/merged_view.h"

namespace recap::engine {
namespace {

std::vector<std::string> listed(const OwnPlaces& own) {
  std::vector<std::string> places;
  own.each([&](const char* place) { places.emplace_back(place); });
  return places;
}

TEST(OwnPlaces, AreRelativePlainAndNamedOnce) {
  OwnPlaces own;
  for (const char* path :
       {"usr", "/home//app/.", "/usr/bin", "/", "", "/srv/../etc", "home/app/x"}) {
    EXPECT_TRUE(own.add(path));
  }
  EXPECT_EQ(listed(own), (std::vector<std::string>{"usr", "home/app"}));
}

TEST(OwnPlaces, OverlapWithWhatIsAboveAndBelowThem) {
  OwnPlaces own;
  ASSERT_TRUE(own.add("usr"));
  ASSERT_TRUE(own.add("home/app"));
  for (const char* path :
       {"/usr", "/usr/lib/x", "/home", "/home/app", "/home/app/.ssh", "/", "/a/../usr"}) {
    EXPECT_TRUE(own.overlaps(path)) << path;
  }
  for (const char* path : {"/usrx", "/home/ap", "/home/apps", "/data", "/var/usr"}) {
    EXPECT_FALSE(own.overlaps(path)) << path;
  }
}

TEST(OwnPlaces, TooManyAreRefused) {
  OwnPlaces own;
  base::Status added;
  for (int i = 0; added && i < 10000; ++i) {
    added = own.add("place" + std::to_string(i));
  }
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().kind(), base::Kind::kUnsupported);
}

TEST(OwnPlaces, AreTheImagesRootPlacesOfCodeAndWhatTheEnvironmentNames) {
  std::string root = testing::TempDir() + "/layer-XXXXXX";
  ASSERT_NE(::mkdtemp(root.data()), nullptr);
  for (const char* name : {"tool", "var", "app", "home"}) {
    ASSERT_EQ(::mkdir((root + "/" + name).c_str(), 0755), 0);
  }
  std::vector<linux::Mount> layers;
  layers.emplace_back(linux::open_at(linux::kCwd, root.c_str(), O_PATH | O_DIRECTORY)->release());
  std::vector<std::string_view> env = {"PATH=/bin:/home/me/bin:relative",
                                       "LD_LIBRARY_PATH=/srv/lib", "HOME=/home/me",
                                       "FILE=/var/log/x"};
  run::Spec spec;
  spec.envp = env;
  const auto own = find_own_places(spec, layers);
  ASSERT_TRUE(own) << own.error().message();
  for (const char* path :
       {"/tool", "/app/x.py", "/usr/share", "/etc/vimrc", "/root/.bashrc", "/bin", "/home/me/bin",
        "/home/me/.profile", "/srv/lib", "/var/lib/dpkg/info"}) {
    EXPECT_TRUE(own->overlaps(path)) << path;
  }
  for (const char* path :
       {"/data", "/var/log", "/home/you", "/srv/www", "/tmp/x", "/var/lib/mysql"}) {
    EXPECT_FALSE(own->overlaps(path)) << path;
  }
  for (const char* name : {"tool", "var", "app", "home"}) {
    ::rmdir((root + "/" + name).c_str());
  }
  ::rmdir(root.c_str());
}

TEST(LooksLikeCode, IsByNameAlone) {
  for (const char* name : {".bashrc", "socket.py", "package.json", "libx.so.1"}) {
    EXPECT_TRUE(looks_like_code(name, false)) << name;
  }
  EXPECT_TRUE(looks_like_code(".ssh", true));
  EXPECT_FALSE(looks_like_code("pause", false));
  EXPECT_FALSE(looks_like_code("v1.2", true));
}

TEST(SharedPlace, IsWhereBothShowFiles) {
  for (const char* path : {"/", "", "/var", "/var/lib/x", "//home/app", "/./srv", "/../x"}) {
    EXPECT_TRUE(run::is_shared_place(path)) << path;
  }
  for (const char* path : {"/root", "/app", "/usr/var", "/variable"}) {
    EXPECT_FALSE(run::is_shared_place(path)) << path;
  }
}

}  // namespace
}  // namespace recap::engine
