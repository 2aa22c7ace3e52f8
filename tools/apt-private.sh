# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The uiommu authors
# shellcheck shell=bash
#
# Sourced after common.sh by the scripts that make folders of Debian's packages. They run without
# root, install nothing and look at no package of this machine.
#
# Environment: UIOMMU_DEBIAN_MIRROR (default http://deb.debian.org/debian)

debian_mirror=${UIOMMU_DEBIAN_MIRROR:-http://deb.debian.org/debian}
debian_keys=/usr/share/keyrings/debian-archive-keyring.gpg

# The folder cannot be made here, for the reason given.
cannot()
{
        say "$*"
        exit 77
}

# folder_arguments ARGUMENT...: --release into "release", others into "words"; else explain()
folder_arguments()
{
        words=()
        while (($# > 0)); do
                case $1 in
                --release)
                        (($# > 1)) || die "--release wants a value"
                        release=$2
                        shift
                        ;;
                -*)
                        explain "$1"
                        ;;
                *)
                        words+=("$1")
                        ;;
                esac
                shift
        done
}

# release_check RELEASE
release_check()
{
        [[ $1 =~ ^[a-z]+(-backports)?$ ]] || die "no release of Debian: $1"
}

# Leaves where this machine is not a Debian with what is needed.
apt_private_check()
{
        local command

        for command in apt-get dpkg-deb tar; do
                command -v "$command" >/dev/null ||
                        cannot "$command is not there: this is no Debian"
        done
        grep -qx 'ID=debian' /etc/os-release || cannot "this is no Debian"
        [[ -r $debian_keys ]] ||
                cannot "$debian_keys is not there: debian-archive-keyring is not installed"
}

# debian_release: the name of the release that runs here
debian_release()
{
        (. /etc/os-release && echo "${VERSION_CODENAME-}")
}

# apt_private FOLDER ARCHITECTURE RELEASE: an apt of its own in FOLDER, that knows nothing of this
# machine's packages and sources. Backports come with the release that they are for, and in front
# of it.
apt_private()
{
        local folder=$1 architecture=$2 release=$3

        mkdir -p "$folder/state/lists/partial" "$folder/cache/archives/partial" \
                "$folder/etc/apt.conf.d" "$folder/etc/preferences.d"
        : >"$folder/status"
        echo "deb [signed-by=$debian_keys] $debian_mirror ${release%-backports} main" \
                >"$folder/sources.list"
        if [[ $release == *-backports ]]; then
                echo "deb [signed-by=$debian_keys] $debian_mirror $release main" \
                        >>"$folder/sources.list"
        fi
        # The clock of a build machine may be off by weeks; signatures are checked all the same.
        cat >"$folder/apt.conf" <<END
Dir::State "$folder/state";
Dir::State::status "$folder/status";
Dir::Cache "$folder/cache";
Dir::Etc "$folder/etc";
Dir::Etc::sourcelist "$folder/sources.list";
APT::Architecture "$architecture";
APT::Architectures { "$architecture"; };
APT::Default-Release "$release";
APT::Install-Recommends "false";
APT::Sandbox::User "$(id -un)";
Acquire::Check-Date "false";
Acquire::Check-Valid-Until "false";
Acquire::Languages "none";
Acquire::Retries "3";
END
        export APT_CONFIG=$folder/apt.conf
        apt-get -q update >&2 || cannot "no list of packages from $debian_mirror"
}

# apt_fetch FOLDER PACKAGE...: these and all that they depend on, in FOLDER/cache/archives
apt_fetch()
{
        local folder=$1

        shift
        APT_CONFIG=$folder/apt.conf apt-get -q -y --download-only install "$@" >&2 ||
                cannot "packages could not be fetched from $debian_mirror: $*"
}

# unpack FOLDER PACKAGE...: folders that are links in a merged system are links here too.
unpack()
{
        local to=$1 package folder

        shift
        mkdir -p "$to/usr"
        for folder in bin lib lib64 sbin; do
                mkdir -p "$to/usr/$folder"
                ln -s "usr/$folder" "$to/$folder"
        done
        for package; do
                dpkg-deb --fsys-tarfile "$package" | tar -C "$to" -x --keep-directory-symlink \
                        --no-same-owner --exclude=./dev --exclude='./usr/share/doc' \
                        --exclude='./usr/share/man' --exclude='./usr/share/locale'
        done
}
