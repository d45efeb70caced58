{#-
  Eye examinations of the month, one row per examined thing. Empty parts stay: a corrected row must
  replace all parts of the old one, also those it no longer has.
-#}
{%- set parts = [
    ('va_uncorrected', 'visual_acuity', 'UCVA'),
    ('va_corrected', 'visual_acuity', 'BCVA'),
    ('va_pinhole', 'visual_acuity', 'PH'),
    ('iop', 'iop', ''),
    ('cup_disc_ratio', 'cup_disc_ratio', ''),
] -%}
{% for part, concept, method in parts %}
select
    {{ origin_columns('his', 'eye_exams') }},
    '{{ part }}' as part,
    encounter_key,
    examined_at as recorded_at,
    '{{ concept }}' as concept,
    {{ part }} as value_original,
    {{ eye_name('eye') }} as laterality,
    {% if part == 'iop' -%}
    {{ tonometer('iop_method') }}
    {%- else -%}
    nullif('{{ method }}', '')
    {%- endif %} as method
from {{ ref('stg_his__eye_exam') }}
{{ 'union all by name' if not loop.last }}
{% endfor %}
