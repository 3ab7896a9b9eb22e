"""SEE machines of a 5c: images loaded on it, and which one is started (guide 2.5.2.3, 2.8.1)."""

import shutil
from pathlib import Path

from seemachine.chance.images import next_uuid
from seemachine.hsms import published, records
from seemachine.hsms.records import Loaded, Module
from seemachine.nfast import (
    delegation,
    images,
    processes,
    securityworld,
    select,
    signing,
    trust,
)
from seemachine.nfast.images import Image
from seemachine.nfast.refusals import Refusal
from seemachine.state.disk.durable import private_folder
from seemachine.world import World


def load(world: World, esn: str, image: Image) -> Loaded:
    """Check an image and put it on an HSM.

    Raises Refusal: mode, unsigned, changed, unknown or expired developer, wrong curve, not
    runnable.
    """
    with records.changing(world, esn) as module:
        select.refuse_mode(module)
        developer, signer, extra = trust.refuse_bad_signatures(world, module, image)
        about = image.about
        entry = about["entry_point"].lstrip("/")
        processes.refuse_unrunnable(image.file(entry), about["entry_point"])
        made = Loaded(
            uuid=str(next_uuid(world, esn)),
            name=about["package_name"],
            version=about["version"],
            sha256=image.sha256,
            signer=signer,
            program=entry,
            developer_key=developer,
            developer_until=trust.refuse_expired(module, developer),
            delegated=_delegated(world, image, signer),
            extra_signers=extra,
        )
        _lay_out(world, module, image, made)
        module.loaded.append(made)
        return made


def start(world: World, esn: str, wanted: str) -> published.Published:
    """Run a loaded image.

    Raises Refusal: mode, licence, unknown UUID, started already, developer certificate expired.
    """
    with records.changing(world, esn) as module:
        select.refuse_unready(module)
        loaded = _loaded(module, wanted)
        processes.refuse_running(world, module)
        loaded.developer_until = trust.refuse_expired(module, loaded.developer_key)
        # Recorded before it is so: if this tool is killed meanwhile, stop and destroy still know
        # what runs.
        module.started = wanted
        records.write(world, module)
        try:
            return processes.start(
                world, module, _folder(world, esn, wanted) / loaded.program, loaded
            )
        except Refusal:
            module.started = ""
            records.write(world, module)
            raise


def stop(world: World, esn: str, wanted: str) -> None:
    """End a started image. Raises Refusal: unknown UUID, not started."""
    with records.changing(world, esn) as module:
        loaded = _loaded(module, wanted)
        if module.started != loaded.uuid or not processes.stop(world, esn):
            raise Refusal(f"the SEE machine {wanted} is not started")
        module.started = ""


def destroy(world: World, esn: str, wanted: str) -> None:
    """Take an image off an HSM. NVRAM stays. Raises Refusal: unknown UUID, still started."""
    with records.changing(world, esn) as module:
        loaded = _loaded(module, wanted)
        if is_started(world, module, wanted):
            raise Refusal(
                f"the SEE machine {wanted} is started; stop it first with: csadmin stop --esn {esn}"
                f" --uuid {wanted}"
            )
        shutil.rmtree(_folder(world, esn, wanted), ignore_errors=True)
        module.loaded.remove(loaded)


def is_started(world: World, module: Module, wanted: str) -> bool:
    """Whether this image runs now."""
    return records.started(world, module) == wanted


def _lay_out(world: World, module: Module, image: Image, made: Loaded) -> None:
    """Unpack an image.

    What an earlier load left, that was refused or killed on the way, goes first.
    """
    folder = _folder(world, module.esn, made.uuid)
    for left in private_folder(folder.parent).iterdir():
        if left.is_dir() and module.image(left.name) is None:
            shutil.rmtree(left)
    images.unpack(image, private_folder(folder))


def _delegated(world: World, image: Image, signer: str) -> bool:
    data = image.file(images.DELEGATION)
    nso = signing.public_from(securityworld.read(world).nso)
    return data is not None and delegation.refuse_other_key(data, nso, signer)


def _loaded(module: Module, wanted: str) -> Loaded:
    loaded = module.image(wanted)
    if loaded is None:
        known = ", ".join(each.uuid for each in module.loaded) or "none"
        raise Refusal(f"there is no SEE machine {wanted}; installed are: {known}")
    return loaded


def _folder(world: World, esn: str, wanted: str) -> Path:
    return world.hsm(esn) / "image" / wanted
