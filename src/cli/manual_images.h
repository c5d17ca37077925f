// SPDX-License-Identifier: Apache-2.0
// The part of the table (manual.cc) that is about images and who may use them.
#pragma once

#include <array>

#include "cli/manual.h"

namespace recap::cli {

using enum Words;

inline constexpr Flag kOutput{"-o,--output", "FORMAT", "table or json", kNothing, "table json"};

inline constexpr std::array kImagesFlags = {
    kOutput,
    Flag{"-q,--quiet", "", "print digests only"},
    Flag{"--digests", "", "show whole digests"},
};
inline constexpr Flag kImageName{"--name", "NAME", "name of the image in the store"};
inline constexpr Flag kNoProgress{"-q,--quiet", "", "do not show progress"};
inline constexpr std::array kImportFlags = {kImageName, kNoProgress};
inline constexpr Flag kAuthFile{"--authfile", "FILE",
                                "registry credentials, instead of skopeo's own", kFile};
inline constexpr Flag kTlsVerify{"--tls-verify", "WHAT",
                                 "for this registry, instead of registries.conf", kNothing,
                                 "true false"};
inline constexpr std::array kPullFlags = {
    kImageName,
    kNoProgress,
    Flag{"--missing", "", "do nothing when the store has the image"},
    kAuthFile,
    kTlsVerify,
    Flag{"--signature-policy", "FILE", "who has to have signed it, instead of skopeo's policy.json",
         kFile},
    Flag{"--timeout", "SECONDS", "give up when nothing arrives for so long (default 120)"},
};
inline constexpr std::array kPushFlags = {kNoProgress, kAuthFile, kTlsVerify};
inline constexpr std::array kBuildFlags = {
    Flag{"-t,--tag", "NAME", "name of the image"},
    Flag{"--builder", "PROGRAM", "what builds; by default the first that is installed", kNothing,
         "buildah podman docker"},
    Flag{"-q,--quiet", "", "do not show what the builder says"},
};
inline constexpr std::array kGcFlags = {
    Flag{"-n,--dry-run", "", "say what would be removed, and remove nothing"},
};

inline constexpr std::array kImportOperands = {Operand{"PATH", kFile}};
inline constexpr std::array kPullOperands = {Operand{"IMAGE", kNothing}};
inline constexpr std::array kPushOperands = {Operand{"IMAGE", kImage},
                                             Operand{"DESTINATION", kNothing, true}};
inline constexpr std::array kBuildOperands = {Operand{"DIR|CONTAINERFILE", kFile},
                                              Operand{"[-- FLAG…]", kNothing, true, true}};
inline constexpr std::array kPolicyOperands = {Operand{"FILE", kFile, true}};
inline constexpr std::array kRmiOperands = {Operand{"IMAGE", kImage, false, true}};

inline constexpr std::array kImageManuals = {
    Manual{"images",
           Group::kImages,
           "list the images in the store",
           "",
           kImagesFlags,
           {},
           "  recap images -o json | jq -r '.[].digest'\n"},
    Manual{"import", Group::kImages, "take in an OCI layout, an OCI archive or a docker archive",
           "", kImportFlags, kImportOperands,
           "  recap import ./image-dir\n"
           "  docker save tools:1 -o tools.tar && recap import --name tools:1 tools.tar\n"},
    Manual{"pull", Group::kImages, "fetch an image from a registry, by skopeo",
           "Also from oci:DIR, oci-archive:FILE, docker-archive:FILE, docker-daemon:NAME and "
           "containers-storage:NAME. registries.conf, auth.json and policy.json count.",
           kPullFlags, kPullOperands,
           "  recap pull debian:12\n"
           "  recap pull docker-daemon:tools:1\n"},
    Manual{"push", Group::kImages, "copy an image to a registry, by skopeo",
           "The image keeps its digest.", kPushFlags, kPushOperands,
           "  recap push registry.example/tools:1\n"
           "  recap push tools:1 registry.example/tools:1\n"},
    Manual{"build", Group::kImages, "build an image, by buildah, podman or docker",
           "A function.yaml beside the Containerfile becomes the image's labels. Behind -- come "
           "flags of the builder.",
           kBuildFlags, kBuildOperands,
           "  recap build -t tools:1 ./tools\n"
           "  recap build -t tools:1 tools/Containerfile -- --build-arg VERSION=2\n"},
    Manual{
        "verify",
        Group::kImages,
        "check that nothing in the store was damaged",
        "Each blob is hashed again, each layer compared with what its blob unpacks to. Exit code "
        "125 when something is damaged; what it is, is on stderr.",
        {},
        {},
        "  recap verify\n"},
    Manual{"rmi",
           Group::kImages,
           "remove images that no run uses",
           "",
           {},
           kRmiOperands,
           "  recap rmi tools:1\n"},
    Manual{"policy",
           Group::kHost,
           "check the file that says what runs may be granted on this host",
           "FILE has documents of kind CapsulePolicy; without a name it is /etc/recap/policy.yaml. "
           "A changed file counts from the next run on, and while it is wrong nothing runs.",
           {},
           kPolicyOperands,
           "  recap policy\n"
           "  recap policy new.yaml && mv new.yaml /etc/recap/policy.yaml\n"},
    Manual{
        "gc", Group::kImages, "remove layers that no image uses", "", kGcFlags, {}, "  recap gc\n"},
};

}  // namespace recap::cli
