{{ config(meta={'key': ['hospital_id', 'row_key', 'source_table', 'part']}) }}

{#-
  Measurements of all systems: the changes of one month. Code, value and unit stay as they came
  beside the concept, the number and the standard unit; what is not mapped stays with no concept.
-#}
with coded as (
    {{ coded_measurements() }}
),

mapped as (
    select
        coded.* exclude (map_code),
        '' as part,
        coalesce(by_code.concept, by_name.concept) as concept,
        coalesce(by_code.products, by_name.products) as products,
        coalesce(by_code.is_graded, by_name.is_graded) as is_graded,
        coalesce(by_code.laterality, by_name.laterality) as laterality,
        cast(null as varchar) as method
    from coded
    left join {{ ref('map_measurement_code') }} as by_code
        on coded.source_code_system = by_code.code_system
        and coded.map_code = by_code.code
    left join {{ ref('map_measurement_code') }} as by_name
        on coded.source_code_system = 'LOCAL'
        and by_name.code_system = 'LOCAL'
        and by_code.code is null
        and {{ local_item('coded.source_text') }} = by_name.code
    union all by name
    select
        exams.*,
        'EYE-EXAM' as source_code_system,
        exams.part as source_code,
        'ophthalmology' as products,
        false as is_graded,
        case exams.concept when 'iop' then 'mm[Hg]' when 'visual_acuity' then '{logMAR}' else '{ratio}' end as unit_original
    from {{ ref('int_eye_exam_unpivoted') }} as exams
)

select
    mapped.* exclude (is_graded),
    coalesce(acuity.notation, case when mapped.concept = 'visual_acuity' and {{ value_number('mapped.value_original') }} is not null then 'logmar' end) as notation,
    acuity.distance_cm,
    case
        when acuity.comparator is not null then acuity.comparator
        -- reading text costs: only what a concept can use is read
        when mapped.concept is not null then {{ value_comparator('mapped.value_original') }}
    end as comparator,
    -- six decimals: more than any device gives, and the noise of a factor is gone
    round(case
        when mapped.part like 'va_%' then acuity.logmar
        when mapped.is_graded then graded.value_std
        when map_unit.factor is not null
            then {{ value_number('mapped.value_original') }} * map_unit.factor + map_unit.plus
        when starts_with(concepts.unit_std, '{')
            then {{ value_number('mapped.value_original') }}
    end, 6) as value_std,
    concepts.unit_std
from mapped
left join {{ ref('measurement_concept') }} as concepts
    on mapped.concept = concepts.concept
left join {{ ref('map_unit') }} as map_unit
    on mapped.concept = map_unit.concept
    and lower(trim(mapped.unit_original)) = map_unit.unit_original
left join {{ ref('map_graded_value') }} as graded
    on mapped.concept = graded.concept
    and lower(trim(mapped.value_original)) = graded.value_text
left join {{ ref('int_acuity_parsed') }} as acuity
    on mapped.part like 'va_%'
    and mapped.value_original = acuity.raw
