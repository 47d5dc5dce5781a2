"""Authoring modules, lessons and resources, and the content of lessons for those who may have it."""

from collections.abc import Sequence

from datasources.idempotency import request
from domain import text
from domain.errors import not_found
from domain.lessons import (
    Lesson,
    LessonResource,
    Module,
    changed_lesson,
    changed_module,
    new_lesson,
    new_module,
    new_resource,
)
from resolvers.access import (
    identifier_of_course,
    may_open,
    require_staff,
    require_staff_while_there,
    staff_among,
    visible_course,
)
from resolvers.context import Context
from resolvers.inputs import (
    CreateLessonInput,
    CreateModuleInput,
    CreateResourceInput,
    UpdateLessonInput,
    UpdateModuleInput,
)
from resolvers.lesson_media import require_resource_media, with_main_media
from resolvers.registry import registry


@registry.field("Query.getLesson")
async def get_lesson(ctx: Context, *, id: str) -> Lesson | None:
    lesson = await ctx.sources.lessons.get(text.identifier(id, "id"))
    if lesson is None or await visible_course(ctx, lesson.course_id) is None:
        return None
    if lesson.state != "PUBLISHED" and not await staff_among(ctx, [lesson.course_id]):
        return None
    return lesson


@registry.field("Mutation.createModule")
async def create_module(ctx: Context, *, input: CreateModuleInput) -> Module:
    course_id = text.identifier(input["course_id"], "input.courseId")
    asked = request(ctx.caller.id, "createModule", input.get("client_token"), input)
    earlier = await ctx.sources.modules.created_before(asked)
    if earlier is not None:
        await require_staff_while_there(ctx, course_id, "course")
        return earlier
    await require_staff(ctx, course_id)
    module = new_module(input, module_id=f"{course_id}.{ctx.new_id()}")
    return await ctx.sources.modules.create(module, asked, ctx.now())


@registry.field("Mutation.updateModule")
async def update_module(ctx: Context, *, input: UpdateModuleInput) -> Module:
    await require_staff(ctx, identifier_of_course(input["id"], "input.id", "module"), "module")
    return await ctx.sources.modules.update(
        input["id"], lambda module: changed_module(module, input), expected_version=input.get("expected_version")
    )


@registry.field("Mutation.moveModule")
async def move_module(
    ctx: Context, *, id: str, after_id: str | None = None, expected_version: int | None = None
) -> Module:
    await require_staff(ctx, identifier_of_course(id, "id", "module"), "module")
    return await ctx.sources.modules.move(id, after_id, expected_version=expected_version)


@registry.field("Mutation.deleteModule")
async def delete_module(ctx: Context, *, id: str, expected_version: int | None = None) -> Module:
    await require_staff(ctx, identifier_of_course(id, "id", "module"), "module")
    return await ctx.sources.modules.delete(id, expected_version=expected_version)


@registry.field("Mutation.createLesson")
async def create_lesson(ctx: Context, *, input: CreateLessonInput) -> Lesson:
    course_id = identifier_of_course(input["module_id"], "input.moduleId", "module")
    asked = request(ctx.caller.id, "createLesson", input.get("client_token"), input)
    earlier = await ctx.sources.lessons.created_before(asked)
    if earlier is not None:
        await require_staff_while_there(ctx, course_id, "module")
        return earlier
    await require_staff(ctx, course_id, "module")
    given = await with_main_media(ctx, input["kind"], input)
    lesson = new_lesson(given, lesson_id=f"{course_id}.{ctx.new_id()}")
    return await ctx.sources.lessons.create(lesson, asked, ctx.now())


@registry.field("Mutation.updateLesson")
async def update_lesson(ctx: Context, *, input: UpdateLessonInput) -> Lesson:
    await require_staff(ctx, identifier_of_course(input["id"], "input.id", "lesson"), "lesson")
    current = await ctx.sources.lessons.get(input["id"])
    if current is None:
        raise not_found("lesson")
    given = await with_main_media(ctx, current.kind, input)
    return await ctx.sources.lessons.update(
        current.id, lambda lesson: changed_lesson(lesson, given), expected_version=input.get("expected_version")
    )


@registry.field("Mutation.moveLesson")
async def move_lesson(
    ctx: Context, *, id: str, module_id: str, after_id: str | None = None, expected_version: int | None = None
) -> Lesson:
    await require_staff(ctx, identifier_of_course(id, "id", "lesson"), "lesson")
    text.identifier(module_id, "moduleId")
    return await ctx.sources.lessons.move(id, module_id, after_id, expected_version=expected_version)


@registry.field("Mutation.deleteLesson")
async def delete_lesson(ctx: Context, *, id: str, expected_version: int | None = None) -> Lesson:
    await require_staff(ctx, identifier_of_course(id, "id", "lesson"), "lesson")
    return await ctx.sources.lessons.delete(id, expected_version=expected_version)


@registry.field("Mutation.createResource")
async def create_resource(ctx: Context, *, input: CreateResourceInput) -> LessonResource:
    course_id = identifier_of_course(input["lesson_id"], "input.lessonId", "lesson")
    asked = request(ctx.caller.id, "createResource", input.get("client_token"), input)
    earlier = await ctx.sources.resources.created_before(asked)
    if earlier is not None:
        await require_staff_while_there(ctx, course_id, "lesson")
        return earlier
    await require_staff(ctx, course_id, "lesson")
    resource = new_resource(input, resource_id=f"{input['lesson_id']}.{ctx.new_id()}")
    await require_resource_media(ctx, resource)
    return await ctx.sources.resources.create(resource, asked, ctx.now())


@registry.field("Mutation.deleteResource")
async def delete_resource(ctx: Context, *, lesson_id: str, id: str) -> LessonResource:
    await require_staff(ctx, identifier_of_course(lesson_id, "lessonId", "lesson"), "resource")
    return await ctx.sources.resources.delete(lesson_id, text.identifier(id, "id"))


@registry.batch("Lesson.body", whole=True)
async def bodies(ctx: Context, lessons: Sequence[Lesson]) -> list[str | None]:
    allowed = await may_open(ctx, lessons)
    shown = [lesson for lesson, is_open in zip(lessons, allowed, strict=True) if is_open]
    read = iter(await ctx.sources.lessons.bodies(shown))
    return [next(read) if is_open else None for is_open in allowed]


@registry.batch("Lesson.resources", whole=True)
async def resources(ctx: Context, lessons: Sequence[Lesson]) -> list[list[LessonResource] | None]:
    allowed = await may_open(ctx, lessons)
    shown = [lesson for lesson, is_open in zip(lessons, allowed, strict=True) if is_open]
    read = iter(await ctx.sources.resources.of_lessons(shown))
    return [next(read) if is_open else None for is_open in allowed]


@registry.batch("Lesson.activityId", whole=True)
async def activity_ids(ctx: Context, lessons: Sequence[Lesson]) -> list[str | None]:
    allowed = await may_open(ctx, lessons)
    return [lesson.activity_id if is_open else None for lesson, is_open in zip(lessons, allowed, strict=True)]
